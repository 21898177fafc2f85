package targets

import (
	"fmt"
	"strings"

	"github.com/docker-catmandu/docker-catmandu/pkg/compose"
)

func didYouMean(name string) string {
	if name == "" {
		return ""
	}
	return fmt.Sprintf("\nhint: did you mean %q?", name)
}

// has lists the stages there are, for the end of a message.
func has(names []string) string {
	if len(names) == 0 {
		return "it has no named stages"
	}
	return "it has " + strings.Join(names, ", ")
}

func noStage(src source, name string) error {
	return fmt.Errorf("%s has no stage %q (%s)%s", src.rel, name, has(src.Names()), didYouMean(compose.Closest(name, src.Names())))
}
