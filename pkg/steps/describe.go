package steps

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/moby/buildkit/solver/pb"
	"github.com/opencontainers/go-digest"
)

// describe tells of a step what a person wants to know.
func (b *grapher) describe(dgst, name string, v *vertex, o operation, k key) *Step {
	s := &Step{
		Key: v.key, Unknown: v.unknown, Digest: dgst, Name: name, Inputs: append([]string{}, v.steps...),
		Self: encoded(o.self), Files: encoded(k.content), taken: k.files,
		NoCache: b.source.Definition.Metadata[dgst].GetIgnoreCache(),
	}
	s.File, s.Line, s.EndLine = b.place(dgst)
	s.Source = b.text(dgst, s.Line, s.EndLine)
	if m := isStage.FindStringSubmatch(name); m != nil {
		s.Stage = m[1]
	}
	switch body := v.op.Op.(type) {
	case *pb.Op_Exec:
		meta := body.Exec.Meta
		s.Text, s.User, s.Dir = strings.Join(meta.Args, " "), meta.User, meta.Cwd
		s.Env, s.Mounts = environment(meta.Env), mounts(body.Exec)
		for _, name := range slices.Sorted(maps.Keys(s.Env)) {
			if b.args[name] {
				s.Args = append(s.Args, name)
			}
		}
	case *pb.Op_Source:
		s.Text = body.Source.Identifier
		if scheme, rest, _ := strings.Cut(s.Text, "://"); scheme == "docker-image" || scheme == "oci-layout" {
			ref, dgst, _ := strings.Cut(rest, "@")
			s.Base = &Base{ref, dgst}
		}
	default:
		_, s.Text, _ = strings.Cut(name, "] ")
		for _, m := range isVariable.FindAllStringSubmatch(s.Source, -1) {
			if b.args[m[1]] && !slices.Contains(s.Args, m[1]) {
				s.Args = append(s.Args, m[1])
			}
		}
	}
	return s
}

// place is the Dockerfile and the first and last line of a vertex; where two stages have it, that of the first.
func (b *grapher) place(dgst string) (file string, first, last int) {
	source := b.source.Definition.GetSource()
	locations := source.GetLocations()[dgst].GetLocations()
	if len(locations) == 0 {
		return b.source.Dockerfile, 0, 0
	}
	for _, r := range locations[0].Ranges {
		if from := int(r.Start.GetLine()); first == 0 || from < first {
			first = from
		}
		last = max(last, int(r.End.GetLine()))
	}
	if i := int(locations[0].SourceIndex); len(source.Infos) > 1 && i < len(source.Infos) && b.source.Dockerfile != "" {
		return source.Infos[i].Filename, first, last // of what the service is built from
	}
	return b.source.Dockerfile, first, last
}

// text is what stands in those lines of the Dockerfile.
func (b *grapher) text(dgst string, first, last int) string {
	source := b.source.Definition.GetSource()
	locations := source.GetLocations()[dgst].GetLocations()
	if len(locations) == 0 || first < 1 || int(locations[0].SourceIndex) >= len(source.Infos) {
		return ""
	}
	lines := strings.Split(string(source.Infos[locations[0].SourceIndex].Data), "\n")
	if last > len(lines) {
		return ""
	}
	return strings.Join(lines[first-1:last], "\n")
}

// environment keeps what may be secret out of sight, and of everything else that it is the same or not.
func environment(env []string) map[string]string {
	out := map[string]string{}
	for _, v := range env {
		name, value, _ := strings.Cut(v, "=")
		out[name] = Redact(name, value)
	}
	return out
}

// isSecret is what BuildKit's check SecretsUsedInArgOrEnv looks for, and what is as long as keys are.
var isSecret = regexp.MustCompile(`(?i)(^|_)(apikey|auth|credentials?|key|password|pword|passwd|passphrase|secret|token|dsn)(_|$)`)

// Redact returns a value as it may be shown and kept.
func Redact(name, value string) string {
	hasLogin := strings.Contains(value, "://") && strings.Contains(value, "@")
	if value != "" && (isSecret.MatchString(name) || hasLogin) {
		return digest.FromString(value).String()[:len("sha256:")+12]
	}
	return value
}

// isArg matches the ARG and ENV instructions of a Dockerfile up to the first name.
var isArg = regexp.MustCompile(`(?im)^\s*(ARG|ENV)\s+(.*)$`)

// argsOf are the names that Dockerfiles declare as arguments, and not as variables of the environment too.
func argsOf(d *pb.Definition) map[string]bool {
	args := map[string]bool{}
	var env []string
	for _, info := range d.GetSource().GetInfos() {
		for _, m := range isArg.FindAllStringSubmatch(string(info.Data), -1) {
			for _, word := range strings.Fields(m[2]) {
				name, _, _ := strings.Cut(word, "=")
				if strings.EqualFold(m[1], "ARG") {
					args[name] = true
				} else {
					env = append(env, name)
				}
			}
		}
	}
	for _, name := range env {
		delete(args, name)
	}
	return args
}

// mounts are the cache mounts of a RUN.
func mounts(e *pb.ExecOp) []Mount {
	var out []Mount
	for _, m := range e.Mounts {
		if m.CacheOpt != nil {
			out = append(out, Mount{ID: m.CacheOpt.ID, Target: m.Dest, Sharing: strings.ToLower(m.CacheOpt.Sharing.String())})
		}
	}
	return out
}

// encoded is a digest in hexadecimal; that of nothing is empty.
func encoded(d digest.Digest) string {
	_, hex, _ := strings.Cut(d.String(), ":")
	return hex
}
