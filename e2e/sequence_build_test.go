//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// service is what the test itself knows of a service of the project.
type service struct {
	name, context, arg string
	tags               []string
	// equal services have one build, which bears the name of neither.
	equal bool
}

var services = []service{
	{"web", "web", "same", []string{"seq-web:latest"}, true},
	{"twin", "web", "same", []string{"seq-twin:latest", "seq-extra:1"}, true},
	{"like", "web", "other", []string{"seq-like:latest"}, false},
	{"api", "api", "", []string{"seq-api:latest"}, false},
}

// build builds some services or all, and compares what the engine has afterwards.
func (s *sequence) build() {
	kind := []string{"dev", "prod"}[s.random.IntN(2)]
	args := []string{"catmandu", "build", "--target", kind}
	if s.pull {
		args = append(args, "--pull")
		s.pull = false
	}
	chosen := services
	if s.random.IntN(3) == 0 {
		i := s.random.IntN(len(services))
		chosen = services[i : i+1]
		args = append(args, chosen[0].name)
	}
	s.note("  docker %s", strings.Join(args, " "))
	said := s.docker(args...)
	s.builds++
	s.unchanged += strings.Count(said, "(unchanged)")
	both := len(chosen) > 1
	for _, c := range chosen {
		want, err := s.reference(c, kind, both)
		check(s.t, err)
		for _, tag := range append(slices.Clone(c.tags), "seq-"+c.name+":"+kind) {
			if err := s.compare(want, tag); err != nil {
				s.t.Errorf("%s, %s: %v\n%s", c.name, tag, err, said)
			}
			s.compared++
		}
	}
}

// reference builds a service without the plugin.
func (s *sequence) reference(c service, kind string, both bool) (*reference, error) {
	dest := s.path("reference.tar")
	args := []string{"buildx", "build", "--quiet", "--target", kind, "--provenance=false", "--label", "com.docker.compose.project=seq"}
	if c.arg != "" {
		args = append(args, "--build-arg", "A="+c.arg)
	}
	if !c.equal || !both {
		args = append(args, "--label", "com.docker.compose.service="+c.name)
	}
	s.docker(append(args, "--output", "type=oci,dest="+dest, filepath.Join(s.dir, c.context))...)
	archive, err := os.ReadFile(dest)
	if err != nil {
		return nil, err
	}
	return readArchive(archive)
}

// compare looks at what the engine has under a name: its layers and configuration as docker save gives them, and
// its files as a container has them.
func (s *sequence) compare(want *reference, tag string) error {
	saved, errs, err := s.try("save", tag)
	if err != nil {
		return fmt.Errorf("docker save: %w %s", err, errs)
	}
	got, err := readArchive([]byte(saved))
	if err != nil {
		return fmt.Errorf("docker save: %w", err)
	}
	if err := want.config.differs(got.config); err != nil {
		return err
	}
	if lines := want.tree.diff(got.tree); len(lines) > 0 {
		return fmt.Errorf("docker save:\n%s", strings.Join(lines, "\n"))
	}
	out, errs, err := s.try("create", tag, "x")
	if err != nil {
		return fmt.Errorf("docker create: %w %s", err, errs)
	}
	id := strings.TrimSpace(out)
	defer s.docker("rm", "-f", id)
	exported, errs, err := s.try("export", id)
	if err != nil {
		return fmt.Errorf("docker export: %w %s", err, errs)
	}
	files, err := readExport([]byte(exported))
	if err != nil {
		return err
	}
	if lines := want.tree.without().diff(files); len(lines) > 0 {
		return fmt.Errorf("docker export:\n%s", strings.Join(lines, "\n"))
	}
	if s.kind == containerdStore && s.random.IntN(8) == 0 {
		name := s.registry + "/pushed:1"
		s.docker("tag", tag, name)
		s.docker("push", "--quiet", name)
		s.docker("rmi", name)
	}
	return nil
}
