package workflow

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

const (
	gitLabFile   = ".gitlab-ci.yml"
	gitLabOthers = ".gitlab/docker-catmandu.yml"
)

// carried is what the plugin is called on its way from the job that makes it. A runner may have that of another version.
func (w *writer) carried() string {
	return ".docker-catmandu-" + strings.ReplaceAll(w.Pins.Plugin, "/", "-")
}

// gitLab writes jobs of GitLab CI. Caches need no flags: a job that is logged in to the project's registry has them there.
func (w *writer) gitLab() {
	w.path = gitLabFile
	if w.Taken {
		w.path = gitLabOthers
		w.note("%s is there, and has to include this; the jobs are in the stage build:\ninclude:\n  - local: %s", gitLabFile, gitLabOthers)
	}
	w.head()
	w.line(".docker-catmandu:")
	w.line("  stage: build")
	w.line("  rules:")
	w.line(`    - if: $CI_PIPELINE_SOURCE == "merge_request_event"`)
	w.line("      interruptible: true")
	w.line("    - if: $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH")
	if len(w.pushed) > 0 {
		w.line("      variables: {PUSH: --push}")
	}
	w.line("")
	w.gitLabPlugin()
	w.line("")
	w.gitLabBuild()
	for _, name := range w.secrets() {
		w.note("build secrets: the project needs the CI/CD variable %s", name)
	}
}

// gitLabPlugin is the job that makes the plugin: the image of docker has no compiler.
func (w *writer) gitLabPlugin() {
	w.line("docker-catmandu-plugin:")
	w.line("  extends: .docker-catmandu")
	w.line("  image: golang:%s", cmp.Or(w.Pins.Go, defaultGo))
	w.line("  needs: []")
	w.line("  variables: {GIT_STRATEGY: none}")
	file, moves := w.carried(), w.Pins.Plugin == Branch
	if !moves {
		w.line("  cache:")
		w.line("    key: %s", scalar(file))
		w.line("    paths: [%s]", file)
	}
	w.line("  artifacts:")
	w.line("    paths: [%s]", file)
	w.line("    expire_in: 1 day")
	w.line("  script:")
	if !moves {
		w.line("    - if test -x %s; then exit; fi", file)
	}
	w.line("    - git clone -q --filter=blob:none %s /tmp/docker-catmandu", Repository)
	w.line("    - git -C /tmp/docker-catmandu checkout -q %s", w.Pins.Plugin)
	w.line("    - make -C /tmp/docker-catmandu build")
	w.line("    - cp /tmp/docker-catmandu/bin/docker-catmandu %s", file)
}

// gitLabBuild is the job that builds.
func (w *writer) gitLabBuild() {
	docker := cmp.Or(w.Pins.Docker, defaultDocker)
	w.line("docker-catmandu-build:")
	w.line("  extends: .docker-catmandu")
	w.line("  image: docker:%s", docker)
	w.line("  services: ['docker:%s-dind']", docker)
	w.line("  needs: [docker-catmandu-plugin]")
	w.line("  timeout: 1 hour")
	w.line("  variables:")
	w.line("    DOCKER_HOST: tcp://docker:2376")
	w.line("    DOCKER_TLS_CERTDIR: /certs")
	w.line("    DOCKER_TLS_VERIFY: '1'")
	w.line("    DOCKER_CERT_PATH: /certs/client")
	if w.Bench {
		w.line("    GIT_DEPTH: '0' # bench builds an earlier commit")
	}
	for _, name := range slices.Sorted(maps.Keys(w.Variables)) {
		w.line("    %s: %s", name, scalar(strings.ReplaceAll(w.Variables[name], "$", "$$")))
	}
	w.line("  before_script:")
	w.line("    # out of the way of build contexts")
	w.line("    - mkdir -p ~/.docker/cli-plugins")
	w.line("    - mv %s ~/.docker/cli-plugins/docker-catmandu", w.carried())
	w.line("    # in a context, as buildx takes no TLS from variables; a builder, as the engine's own knows no other platforms")
	w.line("    - docker context create dind")
	w.line("    - %s dind", w.Pins.builder())
	w.gitLabLogins()
	w.gitLabScripts()
}

func (w *writer) gitLabLogins() {
	w.line(`    - echo "$CI_REGISTRY_PASSWORD" | docker login "$CI_REGISTRY" --username "$CI_REGISTRY_USER" --password-stdin`)
	for _, host := range w.logins("registry.gitlab.com") {
		user, password := loginNames(host)
		w.line(`    - test -z "$%s" || echo "$%s" | docker login %s --username "$%s" --password-stdin`, password, password, host, user)
		w.note("a login to %s: the project needs the CI/CD variables %s and %s, unless that is its own registry", host, user, password)
	}
}

func (w *writer) gitLabScripts() {
	store := `--store "registry=$CI_REGISTRY_IMAGE/cache"`
	if w.place() != "" {
		store = "--store " + word("registry="+w.place())
	}
	build := w.command("build", "--cache auto")
	if len(w.pushed) > 0 {
		build = w.command("build", "--cache auto", "$PUSH")
	}
	w.line("  script:")
	if w.Dir != "." {
		w.item("cd " + word(w.Dir))
	}
	if w.hasMounts() {
		w.item(w.command("cache restore", store) + " || true")
	}
	w.item(build)
	if w.Bench {
		w.item(`test -z "$CI_MERGE_REQUEST_DIFF_BASE_SHA" || ` + w.bench(`"$CI_MERGE_REQUEST_DIFF_BASE_SHA"`))
	}
	if !w.hasMounts() {
		return
	}
	w.line("  after_script: # of a build that failed, too")
	if w.Dir != "." {
		w.item("cd " + word(w.Dir))
	}
	w.item(`test "$CI_COMMIT_BRANCH" != "$CI_DEFAULT_BRANCH" || ` + w.command("cache save", store))
}

func (w *writer) item(command string) { w.line("    - %s", scalar(command)) }
