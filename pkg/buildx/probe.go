package buildx

import (
	"context"
	"crypto/tls"
	"maps"
	"net/http"
	"net/http/httptrace"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/identity"
	"github.com/sirupsen/logrus"
)

// silent are the registries that take connections and don't answer, sorted. They are asked from here; where one can't be reached
// from here, the builder is.
func (b *Builder) silent(ctx context.Context, hosts map[string]string, o BuildOptions) []string {
	var mu sync.Mutex
	var wg sync.WaitGroup
	var out []string
	unknown := map[string]string{}
	for host, ref := range hosts {
		wg.Go(func() {
			r := knock(ctx, host, o.CacheTimeout)
			mu.Lock()
			defer mu.Unlock()
			switch r {
			case keptSilent:
				out = append(out, host)
			case notReached:
				unknown[host] = ref
			}
		})
	}
	wg.Wait()
	if len(unknown) > 0 {
		out = append(out, b.silentThere(ctx, unknown, o)...)
	}
	slices.Sort(out)
	return out
}

// reply is what came of asking a registry.
type reply int

const (
	notReached reply = iota
	keptSilent
	answered
)

// knock asks a registry for its version, with TLS and without. Any answer will do, but where TLS is spoken only one with it.
func knock(ctx context.Context, host string, wait time.Duration) reply {
	if host == "docker.io" {
		host = "registry-1.docker.io"
	}
	var plain reply
	var wg sync.WaitGroup
	wg.Go(func() { plain, _ = get(ctx, "http://"+host+"/v2/", wait) })
	secured, shook := get(ctx, "https://"+host+"/v2/", wait)
	wg.Wait()
	if shook || secured == answered || plain == notReached {
		return secured
	}
	return plain
}

// get asks an address, and tells whether a TLS handshake came to its end. A connection that ends without an answer in HTTP counts as not
// reached: it may speak another protocol.
func get(ctx context.Context, url string, wait time.Duration) (r reply, shook bool) {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	var connected, secured atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		ConnectDone:      func(_, _ string, err error) { connected.Store(connected.Load() || err == nil) },
		TLSHandshakeDone: func(_ tls.ConnectionState, err error) { secured.Store(err == nil) },
	})
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return notReached, false
	}
	transport := &http.Transport{
		Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true,
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // nothing is sent, and what comes is not looked at
	}
	response, err := transport.RoundTrip(request)
	if err == nil {
		_ = response.Body.Close()
		return answered, secured.Load()
	}
	if connected.Load() && ctx.Err() != nil {
		return keptSilent, secured.Load()
	}
	return notReached, secured.Load()
}

// silentThere lets the builder ask for a cache of each registry, for a step that no other build has, so that none has to wait
// for the answer.
func (b *Builder) silentThere(ctx context.Context, hosts map[string]string, o BuildOptions) []string {
	waiting := maps.Clone(hosts) // of those whose answer is still to come
	if err := b.askThere(ctx, waiting, o); err != nil {
		// What is wrong with the builder is told by the build.
		logrus.Debugf("registries are not asked by the builder: %v", err)
		return nil
	}
	return slices.Sorted(maps.Keys(waiting))
}

// askThere removes the registries that answer.
func (b *Builder) askThere(ctx context.Context, waiting map[string]string, o BuildOptions) error {
	if len(b.nodes) == 0 || b.nodes[0].Driver == nil {
		return ErrNotRunning
	}
	c, err := running(ctx, b.nodes[0], o)
	if err != nil {
		return err
	}
	unique := llb.Scratch().File(llb.Mkfile("/"+identity.NewID(), 0o600, nil))
	def, err := unique.Marshal(ctx)
	if err != nil {
		return err
	}
	opts := client.SolveOpt{Internal: true}
	for _, ref := range waiting {
		opts.CacheImports = append(opts.CacheImports, client.CacheOptionsEntry{Type: "registry", Attrs: map[string]string{"ref": ref}})
	}
	ctx, cancel := context.WithTimeout(ctx, o.CacheTimeout)
	defer cancel()
	updates := make(chan *client.SolveStatus)
	var wg sync.WaitGroup
	begun := map[string]bool{}
	wg.Go(func() {
		for s := range updates {
			for _, v := range s.Vertexes {
				_, ref, ok := strings.Cut(v.Name, importing)
				if !ok {
					continue
				}
				host, _ := registryOf("type=registry,ref=" + ref)
				begun[host] = true
				if v.Completed != nil {
					delete(waiting, host)
				}
			}
		}
	})
	_, err = c.Solve(ctx, def, opts, updates)
	wg.Wait()
	if err == nil || ctx.Err() == nil {
		clear(waiting) // it came to an end, whichever
		return nil
	}
	maps.DeleteFunc(waiting, func(host, _ string) bool { return !begun[host] })
	return nil
}
