package workflow

import (
	"maps"
	"slices"
	"strings"
)

const (
	gitHubFile     = ".github/workflows/build.yaml"
	gitHubRegistry = "ghcr.io"
	// Actions are named by commit: a tag can be moved.
	checkout = "actions/checkout@de0fac2e4500dabe0009e67214ff5f5447ce83dd # v6.0.2"
)

// gitHub writes a workflow of GitHub Actions.
func (w *writer) gitHub() {
	w.path = gitHubFile
	// Only actions reach GitHub's cache service, so neither is of use here.
	if strings.HasPrefix(w.Cache, "gha") {
		w.note("caches go to %s, and not to GitHub's cache service as x-catmandu says: steps with run don't reach that", gitHubRegistry)
		w.Cache = ""
	}
	if w.Cache == "auto" {
		w.Cache = ""
	}
	w.head()
	w.gitHubHead()
	w.line("    steps:")
	w.line("      - uses: %s", checkout)
	w.line("        with:")
	w.line("          persist-credentials: false")
	if w.Bench {
		w.line("          fetch-depth: 0 # bench builds an earlier commit")
	}
	w.line("      - name: Install docker catmandu")
	w.line("        run: |")
	w.line(`          git clone -q --filter=blob:none %s "$RUNNER_TEMP/docker-catmandu"`, Repository)
	w.line(`          git -C "$RUNNER_TEMP/docker-catmandu" checkout -q %s`, w.Pins.Plugin)
	w.line(`          make -C "$RUNNER_TEMP/docker-catmandu" install`)
	w.line("      - name: Create a builder, as the engine's own exports no caches")
	w.line("        run: %s", w.Pins.builder())
	w.gitHubLogins()
	w.gitHubBuild()
}

// gitHubHead is all before the steps.
func (w *writer) gitHubHead() {
	w.line("name: build")
	w.line("")
	w.line("on:")
	w.line("  push:")
	w.line("    branches:")
	w.line("      - %s", scalar(branchPattern(w.Branch)))
	w.line("  pull_request:")
	w.line("")
	w.line("permissions:")
	w.line("  contents: read")
	if w.ownRegistry() {
		w.line("  packages: write # of pull requests from forks, GitHub makes it read")
	}
	w.line("")
	w.line("concurrency:")
	w.line("  group: ${{ github.workflow }}-${{ github.ref }}")
	w.line("  cancel-in-progress: ${{ github.event_name == 'pull_request' }}")
	w.line("")
	w.line("jobs:")
	w.line("  build:")
	w.line("    runs-on: ubuntu-24.04")
	w.line("    timeout-minutes: 60")
	if w.Dir != "." {
		w.line("    defaults:")
		w.line("      run:")
		w.line("        working-directory: %s", gitHubValue(w.Dir))
	}
	if len(w.Variables) > 0 {
		w.line("    env:")
		for _, name := range slices.Sorted(maps.Keys(w.Variables)) {
			w.line("      %s: %s", name, gitHubValue(w.Variables[name]))
		}
	}
}

// ownRegistry tells whether anything is kept in GitHub's registry.
func (w *writer) ownRegistry() bool {
	return w.Cache == "" || slices.Contains(w.pushed, gitHubRegistry) || hostOf(w.place()) == gitHubRegistry || w.hasMounts() && w.place() == ""
}

// ownCache tells whether caches or the contents of mounts have no place of the project's own.
func (w *writer) ownCache() bool { return w.Cache == "" || w.hasMounts() && w.place() == "" }

func (w *writer) gitHubLogins() {
	if w.ownRegistry() {
		w.line("      - name: Log in to %s", gitHubRegistry)
		w.line("        env:")
		w.line("          TOKEN: ${{ secrets.GITHUB_TOKEN }}")
		w.line("        run: |")
		if w.ownCache() {
			w.line(`          echo "CACHE=registry=%s/${GITHUB_REPOSITORY,,}/cache" >>"$GITHUB_ENV"`, gitHubRegistry)
		}
		w.line(`          echo "$TOKEN" | docker login %s --username "$GITHUB_ACTOR" --password-stdin`, gitHubRegistry)
	}
	for _, host := range w.logins(gitHubRegistry) {
		user, password := loginNames(host)
		w.line("      - name: Log in to %s", host)
		w.line("        env:")
		w.line("          USER_NAME: ${{ secrets.%s }}", user)
		w.line("          PASSWORD: ${{ secrets.%s }}", password)
		w.line("        # pull requests from forks get no secrets")
		w.line(`        run: test -z "$PASSWORD" || echo "$PASSWORD" | docker login %s --username "$USER_NAME" --password-stdin`, host)
		w.note("a login to %s: the repository needs the secrets %s and %s", host, user, password)
	}
	for _, name := range w.secrets() {
		w.note("build secrets: the repository needs the secret %s", name)
	}
}

func (w *writer) gitHubBuild() {
	cache, store := `--cache "$CACHE"`, `--store "$CACHE"`
	if w.Cache != "" {
		cache = "--cache auto"
	}
	if w.place() != "" {
		store = "--store " + word("registry="+w.place())
	}
	if w.hasMounts() {
		w.line("      - name: Restore cache mounts")
		w.line("        continue-on-error: true")
		w.run(w.command("cache restore", store))
	}
	build := func(name, condition, command string) {
		w.line("      - name: %s", name)
		if condition != "" {
			w.line("        if: github.event_name %s 'push'", condition)
		}
		w.gitHubSecrets()
		w.run(command)
	}
	if len(w.pushed) > 0 {
		build("Build", "!=", w.command("build", cache))
		build("Build and push", "==", w.command("build", cache, "--push"))
	} else {
		build("Build", "", w.command("build", cache))
	}
	if w.hasMounts() {
		w.line("      - name: Save cache mounts, also of a build that failed")
		w.line("        if: ${{ !cancelled() && github.event_name == 'push' }}")
		w.line("        continue-on-error: true")
		w.run(w.command("cache save", store))
	}
	if w.Bench {
		w.line("      - name: Builds must not get slower")
		w.line("        if: github.event_name == 'pull_request'")
		w.gitHubSecrets()
		w.run(w.bench(`"origin/$GITHUB_BASE_REF"`))
	}
}

func (w *writer) run(command string) { w.line("        run: %s", scalar(command)) }

// gitHubSecrets gives a step the variables that build secrets come from.
func (w *writer) gitHubSecrets() {
	for i, name := range w.secrets() {
		if i == 0 {
			w.line("        env:")
		}
		w.line("          %s: ${{ secrets.%s }}", name, name)
	}
}

// gitHubValue is text in which GitHub finds no expression.
func gitHubValue(text string) string { return scalar(strings.ReplaceAll(text, "${{", "${{ '${{' }}")) }

// branchPattern matches a branch and no other: GitHub takes some characters for patterns.
func branchPattern(branch string) string {
	if strings.HasPrefix(branch, "!") {
		branch = `\` + branch
	}
	return strings.NewReplacer("+", `\+`).Replace(branch)
}
