package targets

import (
	"fmt"
	"slices"
	"strings"
)

// question is all that the rule looks at to find the stage of one service for one kind.
type question struct {
	kind    Kind
	service string
	// declared is build.target, empty for the last stage; where is its place in the Compose files.
	declared, where string
	source          source
	// overridden tells that the automatic override chose what is declared, so that it is a choice for development.
	overridden bool
	// override is the stage that the automatic override declares: nobody's production stage if it can be helped.
	override string
	// files are Compose files beside the project's that build this service, the best first.
	files []neighbour
	// siblings are Dockerfiles for this kind beside source, the best first.
	siblings []source
	// services are the names of all services; others are the targets that the other services on this Dockerfile declare.
	services, others []string
}

// neighbour is how a Compose file that is not loaded builds the service.
type neighbour struct {
	file   string
	target string
	source source
}

// choice is the answer to a question.
type choice struct {
	source source
	// stage is empty for the last one.
	stage  string
	reason string
	// warning says what the user should know of a choice that is no more than a guess; empty for the others.
	warning string
}

// decide applies the rule, step by step. The first step that knows an answer ends it, and the last always does.
func decide(q question) choice {
	steps := []func(question) (choice, bool){
		byComposeFile, unreadable, byDeclared, byRole, byKindWord, byFinalStage, keepRole, byDockerfile,
	}
	for _, step := range steps {
		if c, ok := step(q); ok {
			return c
		}
	}
	return keep(q)
}

// byComposeFile is step 0: a Compose file named for the kind knows best.
func byComposeFile(q question) (choice, bool) {
	for _, n := range q.files {
		if environment(n.target) == q.kind.other() {
			continue
		}
		reason := "from " + n.file
		if n.target != "" {
			return choice{n.source, n.target, reason, ""}, true
		}
		inner := question{kind: q.kind, service: q.service, source: n.source, services: q.services, where: n.file}
		if c := decide(inner); c.warning == "" {
			c.reason = reason + ", " + c.reason
			return c, true
		}
	}
	return choice{}, false
}

// unreadable trusts what is declared where there are no stages to choose among.
func unreadable(q question) (choice, bool) {
	if q.source.Unread == "" {
		return choice{}, false
	}
	c := choice{source: q.source, stage: q.declared, reason: q.source.Unread}
	if environment(q.declared) != q.kind {
		c.warning = fmt.Sprintf("%s: no %s stage to be seen; building %s", q.source.Unread, q.kind.long(), q.source.shown(q.declared))
	}
	return c, true
}

// byDeclared is step 1: the declared stage is of that kind. What an override declares is for development whatever
// its name, unless that says production.
func byDeclared(q question) (choice, bool) {
	env := environment(q.declared)
	if env == q.kind || q.kind == Dev && q.overridden && q.declared != "" && env == "" {
		return q.at(q.source.Index(q.declared), q.declaration()), true
	}
	return choice{}, false
}

// byRole is step 2: the declared stage has a counterpart, as frontend-dev has frontend-prod, or plainly frontend.
func byRole(q question) (choice, bool) {
	r := role(q.declared)
	if r == "" {
		return choice{}, false
	}
	if i := q.ofRole(r); i >= 0 {
		return q.at(i, fmt.Sprintf("counterpart of %q", q.declared)), true
	}
	for i, s := range q.source.Stages {
		isPlain := environment(s.Name) == "" && role(s.Name) == r && environment(q.declared) == Dev
		if q.kind == Prod && isPlain && !q.source.builtOn(i) && !q.source.copiedFrom(i) {
			return q.at(i, fmt.Sprintf("counterpart of %q", q.declared)), true
		}
	}
	return choice{}, false
}

// byKindWord is the first half of step 3: a stage that is named for the kind and nothing else.
func byKindWord(q question) (choice, bool) {
	if !q.open() && (q.kind == Prod || !slices.Contains(finalWords, strings.ToLower(q.declared))) {
		return choice{}, false
	}
	words := prodWords
	if q.kind == Dev {
		words = []string{"development", "dev", "develop", "devel"}
	}
	for _, w := range words {
		if i := q.source.Index(w); i >= 0 && !q.isPart(i) {
			return q.at(i, fmt.Sprintf("stage %q by name", q.source.Stages[i].Name)), true
		}
	}
	return choice{}, false
}

// byFinalStage is the second half of step 3: nothing is named for the kind alone, so what is left is the one stage
// that speaks of it, or what Docker Compose would build.
func byFinalStage(q question) (choice, bool) {
	if !q.open() {
		return choice{}, false
	}
	if i := q.ofRole(role(q.service)); i >= 0 {
		return q.at(i, fmt.Sprintf("stage %q by name", q.source.Stages[i].Name)), true
	}
	if q.kind == Dev {
		return finalDev(q)
	}
	named := slices.ContainsFunc(q.siblings, func(s source) bool { return dockerfileKind(s.rel) == Prod })
	if dockerfileKind(q.source.rel) == Dev || q.declared == "" && named {
		return choice{}, false
	}
	i := q.lastForProd()
	if i < 0 {
		return choice{}, false
	}
	c := q.at(i, fmt.Sprintf("stage %q by name", q.source.Stages[i].Name))
	if i == len(q.source.Stages)-1 {
		c = q.atLast()
	}
	if r := role(q.declared); r != "" && q.sharesDockerfile(r) || q.overridden {
		c.warning = q.noStage(c)
	}
	return c, true
}

func finalDev(q question) (choice, bool) {
	if i := q.only(Dev); i >= 0 {
		return q.at(i, fmt.Sprintf("stage %q by name", q.source.Stages[i].Name)), true
	}
	for _, w := range []string{"local", "debug", "devcontainer"} {
		if i := q.source.Index(w); i >= 0 {
			return q.at(i, fmt.Sprintf("stage %q by name", q.source.Stages[i].Name)), true
		}
	}
	if q.declared != "" || len(q.siblings) > 0 || dockerfileKind(q.source.rel) == Prod {
		return choice{}, false
	}
	return q.atLast(), true
}

// keepRole is step 4: a declared stage that is a component, not a kind, is built for both.
func keepRole(q question) (choice, bool) {
	if q.open() || dockerfileKind(q.source.rel) == q.kind.other() && len(q.siblings) > 0 {
		return choice{}, false
	}
	i := q.source.Index(q.declared)
	last := len(q.source.Stages) - 1
	if q.kind == Prod && builderLike(q.declared) && slices.Contains(q.source.Stages[last].Copies, i) && q.shippable(last) {
		return q.at(last, fmt.Sprintf("last stage, which copies from %q", q.source.Stages[i].Name)), true
	}
	c := q.at(i, q.declaration())
	if q.kind == Prod && (q.overridden || q.source.descendsFromDev(i)) {
		c.warning = q.noStage(c)
	}
	return c, true
}

// byDockerfile is step 5: another Dockerfile is the one for this kind.
func byDockerfile(q question) (choice, bool) {
	for _, s := range q.siblings {
		inner := question{kind: q.kind, service: q.service, source: s, services: q.services}
		if i := inner.inSibling(role(q.declared)); i >= 0 {
			return inner.at(i, fmt.Sprintf("%s beside %s", s.rel, q.source.rel)), true
		}
	}
	return choice{}, false
}

// keep is step 6: nothing is known of the kind, so what is declared is built, and said so.
func keep(q question) choice {
	c := q.atLast()
	if q.declared != "" {
		c = q.at(q.source.Index(q.declared), q.declaration())
	}
	c.warning = q.noStage(c)
	return c
}
