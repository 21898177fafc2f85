package report

import (
	"io"

	"github.com/docker-catmandu/docker-catmandu/pkg/session"
)

// JSON writes the session itself.
func JSON(w io.Writer, s *session.Session) error { return session.Write(w, s) }
