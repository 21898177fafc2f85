package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// pageSize is asked for; registries may give less at a time, and some give all at once.
const pageSize = "1000"

// Tags are all of the repository, sorted; none where it does not exist.
func (r *Repository) Tags(ctx context.Context) ([]string, error) {
	seen := map[string]bool{}
	query := url.Values{"n": {pageSize}}
	for query != nil {
		a, err := r.ask(ctx, question{method: http.MethodGet, host: r.read, path: "tags/list", query: query, scope: pulls})
		if IsNotFound(err) {
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("tags of %s: %w", r.name, err)
		}
		var page struct{ Tags []string }
		if err := json.Unmarshal(a.body, &page); err != nil {
			return nil, fmt.Errorf("tags of %s: %w", r.name, err)
		}
		before := len(seen)
		for _, tag := range page.Tags {
			seen[tag] = true
		}
		if query, err = next(a.header); err != nil {
			return nil, fmt.Errorf("tags of %s: %w", r.name, err)
		}
		if query != nil && len(seen) == before {
			return nil, fmt.Errorf("tags of %s: the registry goes on and on without another one", r.name)
		}
	}
	tags := make([]string, 0, len(seen))
	for tag := range seen {
		tags = append(tags, tag)
	}
	slices.Sort(tags)
	return tags, nil
}

// next is the query of the next page, nil after the last. Of the address only that counts, so that nobody is led elsewhere.
func next(header http.Header) (url.Values, error) {
	for _, link := range header.Values("Link") {
		address, params, ok := strings.Cut(strings.TrimPrefix(strings.TrimSpace(link), "<"), ">")
		if !ok || !strings.Contains(strings.ReplaceAll(params, `"`, ""), "rel=next") {
			continue
		}
		u, err := url.Parse(address)
		if err != nil {
			return nil, err
		}
		if len(u.Query()) == 0 {
			return nil, errors.New("the address of the next page has no query")
		}
		return u.Query(), nil
	}
	return nil, nil
}
