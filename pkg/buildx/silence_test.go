package buildx

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/moby/buildkit/client"
	"github.com/opencontainers/go-digest"
	"gotest.tools/v3/assert"

	"github.com/docker-catmandu/docker-catmandu/pkg/targets"
)

func TestWithoutRegistry(t *testing.T) {
	plan := &targets.Plan{Targets: []targets.Target{{
		CacheFrom: []string{"type=registry,ref=example.com/a:b", "type=registry,ref=other.example.com/a:b", "type=gha,scope=x", "type=local,src=/c"},
		CacheTo:   []string{"type=registry,ref=example.com/c,ignore-error=true", "type=registry,ref=example.com/d", "type=gha,ignore-error=true"},
	}, {CacheFrom: []string{"type=registry,ref=name"}, CacheTo: []string{"broken"}}}}
	left := without(plan, "example.com").Targets[0]
	assert.DeepEqual(t, left.CacheFrom, []string{"type=registry,ref=other.example.com/a:b", "type=gha,scope=x", "type=local,src=/c"})
	assert.DeepEqual(t, left.CacheTo, []string{"type=registry,ref=example.com/d", "type=gha,ignore-error=true"})
	assert.Equal(t, len(plan.Targets[0].CacheFrom), 4)
	assert.DeepEqual(t, registryHosts(plan), map[string]string{
		"example.com": "example.com/a:b", "other.example.com": "other.example.com/a:b", "docker.io": "name",
	})
}

// listener answers connections with f, and ends with the test.
func listener(t *testing.T, f func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	assert.NilError(t, err)
	done := make(chan struct{})
	t.Cleanup(func() { close(done); _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				f(c)
				<-done
			}()
		}
	}()
	return l.Addr().String()
}

func TestKnock(t *testing.T) {
	refuses := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }
	plain := httptest.NewServer(http.HandlerFunc(refuses))
	t.Cleanup(plain.Close)
	secured := httptest.NewTLSServer(http.HandlerFunc(refuses))
	t.Cleanup(secured.Close)
	hung := make(chan struct{})
	hangs := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hung }))
	t.Cleanup(func() { close(hung); hangs.Close() })
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	assert.NilError(t, err)
	assert.NilError(t, closed.Close())
	for name, tc := range map[string]struct {
		host string
		wait time.Duration
		want reply
	}{
		"plain":   {strings.TrimPrefix(plain.URL, "http://"), time.Minute, answered},
		"TLS":     {strings.TrimPrefix(secured.URL, "https://"), time.Minute, answered},
		"refused": {closed.Addr().String(), time.Minute, notReached},
		"silent":  {listener(t, func(net.Conn) {}), 100 * time.Millisecond, keptSilent},
		// a load balancer whose servers are gone; without TLS it answers at once
		"silent behind TLS": {strings.TrimPrefix(hangs.URL, "https://"), 2 * time.Second, keptSilent},
		// something that reads lines, and so waits for the end of what begins TLS
		"by lines": {listener(t, func(c net.Conn) {
			if line, err := bufio.NewReader(c).ReadString('\n'); err == nil && strings.HasPrefix(line, "GET ") {
				_, _ = io.WriteString(c, "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n")
			}
		}), 2 * time.Second, answered},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, knock(t.Context(), tc.host, tc.wait), tc.want)
		})
	}
}

// A build goes without the caches of a registry that doesn't answer, and says so.
func TestBuildGoesOnWithoutASilentRegistry(t *testing.T) {
	host := listener(t, func(net.Conn) {})
	entry := "type=registry,ref=" + host + "/a:b"
	plan := &targets.Plan{Targets: []targets.Target{{CacheFrom: []string{entry, "type=gha"}, CacheTo: []string{entry + ",ignore-error=true"}}}}
	var notices strings.Builder
	var seen targets.Target
	result, err := (&Builder{}).buildAnswered(t.Context(), plan, BuildOptions{Notices: &notices, CacheTimeout: 100 * time.Millisecond},
		func(_ context.Context, p *targets.Plan, _ BuildOptions) (*Result, error) {
			seen = p.Targets[0]
			return &Result{Project: "shop"}, nil
		})
	assert.NilError(t, err)
	assert.Equal(t, result.Project, "shop")
	assert.DeepEqual(t, slices.Concat(seen.CacheFrom, seen.CacheTo), []string{"type=gha"})
	assert.Equal(t, notices.String(), "warning: registry "+host+" takes connections and does not answer: building without the caches there\n")
	assert.DeepEqual(t, result.Caches, []CacheUse{{Kind: WorkImport, Name: host, Seconds: 0.1, Error: "no answer"}})
}

// An import that comes to no end ends the build, one that does doesn't.
func TestPatience(t *testing.T) {
	at := time.Now()
	importOf := func(ref string) *client.Vertex {
		return &client.Vertex{Digest: digest.FromString(ref), Name: "[web] " + importing + ref, Started: &at}
	}
	_, err := (&Builder{}).buildAnswered(t.Context(), &targets.Plan{}, BuildOptions{CacheTimeout: time.Microsecond},
		func(ctx context.Context, _ *targets.Plan, o BuildOptions) (*Result, error) {
			o.patience.see(importOf("example.com/x"))
			<-ctx.Done()
			return nil, ctx.Err()
		})
	assert.ErrorContains(t, err, "cache example.com/x: no answer for 24µs\nhint: --cache off")

	_, err = (&Builder{}).buildAnswered(t.Context(), &targets.Plan{}, BuildOptions{},
		func(ctx context.Context, _ *targets.Plan, o BuildOptions) (*Result, error) {
			done := importOf("example.com/x")
			o.patience.see(done)
			assert.Equal(t, len(o.patience.open), 1)
			done.Completed = &at
			o.patience.see(done)
			assert.Equal(t, len(o.patience.open), 0)
			return nil, ctx.Err()
		})
	assert.NilError(t, err)
}

// The user's own end of a build, and a failure of it, are passed on.
func TestBuildEndsForOtherReasons(t *testing.T) {
	broken := errors.New("broken")
	ctx, cancel := context.WithCancelCause(t.Context())
	for _, end := range []func(){func() {}, func() { cancel(broken) }} {
		_, err := (&Builder{}).buildAnswered(ctx, &targets.Plan{}, BuildOptions{}, func(context.Context, *targets.Plan, BuildOptions) (*Result, error) {
			end()
			return nil, broken
		})
		assert.Equal(t, err, broken)
	}
}
