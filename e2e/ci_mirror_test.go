//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"testing"
)

// What installs packages needs a network, and tests have none. A proxy outside of the namespaces keeps what it ever got for programs
// inside: they reach two hosts through it, and the second time it is as fast as this machine.

// mirrored are the hosts, with the scheme that they are asked by.
var mirrored = map[string]string{"deb.debian.org": "http", "registry.npmjs.org": "https"}

// mirrorSocket is where the proxy listens, in the world's folder.
const mirrorSocket = "mirror.sock"

// startMirror serves until this process ends. It keeps files below dir.
func startMirror(socket, dir string) error {
	l, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	go func() { _ = http.Serve(l, mirror{dir}) }() //nolint:gosec // of this machine alone
	return nil
}

type mirror struct{ dir string }

func (m mirror) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	scheme := mirrored[r.URL.Hostname()]
	if scheme == "" || r.Method != http.MethodGet {
		http.Error(w, "only "+fmt.Sprint(mirrored), http.StatusForbidden)
		return
	}
	path := filepath.Join(m.dir, r.URL.Hostname(), url.PathEscape(r.URL.RequestURI()))
	if _, err := os.Stat(path); err != nil {
		if status, err := m.get(scheme, r, path); err != nil || status != http.StatusOK {
			http.Error(w, fmt.Sprintf("%s: %d, %v", r.URL, status, err), max(status, http.StatusNotFound))
			return
		}
	}
	http.ServeFile(w, &http.Request{Method: r.Method, Header: http.Header{}, URL: &url.URL{Path: "/file"}}, path)
}

// get fetches a file. What npm is told of other files has to lead back here.
func (m mirror) get(scheme string, r *http.Request, path string) (int, error) {
	from := *r.URL
	from.Scheme = scheme
	request, err := http.NewRequestWithContext(r.Context(), http.MethodGet, from.String(), nil)
	if err != nil {
		return 0, err
	}
	if accept := r.Header.Get("Accept"); accept != "" {
		request.Header.Set("Accept", accept)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return response.StatusCode, nil
	}
	content, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, err
	}
	if scheme == "https" && bytes.HasPrefix(content, []byte("{")) {
		content = bytes.ReplaceAll(content, []byte("https://"+from.Host+"/"), []byte("http://"+from.Host+"/"))
	}
	part := fmt.Sprintf("%s.%d", path, os.Getpid())
	if err := writeFile(part, content); err != nil {
		return 0, err
	}
	return response.StatusCode, os.Rename(part, path)
}

// forwardMirror makes the proxy reachable over loopback, and returns its address.
func forwardMirror(t testing.TB) string {
	t.Helper()
	socket := filepath.Join(os.Getenv("E2E_DIR"), mirrorSocket)
	if _, err := os.Stat(socket); err != nil {
		t.Fatalf("%v\nhint: make bench-ci, which sets E2E_MIRROR", err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go forward(c, socket)
		}
	}()
	return "http://" + l.Addr().String()
}

func forward(c net.Conn, socket string) {
	defer c.Close()
	out, err := net.Dial("unix", socket)
	if err != nil {
		return
	}
	defer out.Close()
	go func() {
		_, _ = io.Copy(out, c)
		_ = out.(*net.UnixConn).CloseWrite()
	}()
	_, _ = io.Copy(c, out)
}
