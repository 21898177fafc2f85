//go:build e2e

package e2e

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// browser is a Chromium without a window, and one page in it. It speaks the DevTools protocol over two pipes: messages are JSON,
// each ended by a zero byte.
type browser struct {
	t       *testing.T
	out     *os.File
	in      *os.File
	reader  *bufio.Reader
	last    int
	session string
	// events are what the page told since it was opened.
	events []message
}

// message is what either side sends.
type message struct {
	ID        int             `json:"id,omitempty"`
	SessionID string          `json:"sessionId,omitempty"`
	Method    string          `json:"method,omitempty"`
	Params    json.RawMessage `json:"params,omitempty"`
	Result    json.RawMessage `json:"result,omitempty"`
	Error     *struct {
		Message string `json:"message"`
	} `json:"error,omitempty"`
}

// browserPatience is for one answer: on a busy machine a browser starts slowly.
const browserPatience = 2 * time.Minute

// startBrowser starts Debian's Chromium, which ends with the test.
func startBrowser(t *testing.T) *browser {
	t.Helper()
	program := ""
	for _, name := range []string{"chromium-headless-shell", "chromium"} {
		if path, err := exec.LookPath(name); err == nil {
			program = path
			break
		}
	}
	if program == "" {
		t.Fatal("there is no chromium-headless-shell\nhint: make packages installs it")
	}
	theirIn, out, err := os.Pipe()
	must(t, err)
	in, theirOut, err := os.Pipe()
	must(t, err)
	cmd := exec.Command(program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage",
		"--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
		"--user-data-dir="+t.TempDir(), "--remote-debugging-pipe", "about:blank")
	cmd.ExtraFiles = []*os.File{theirIn, theirOut} // 3 and 4
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir())
	must(t, cmd.Start())
	theirIn.Close()
	theirOut.Close()
	b := &browser{t: t, out: out, in: in, reader: bufio.NewReader(in)}
	t.Cleanup(func() {
		_ = b.send("Browser.close", nil)
		killer := time.AfterFunc(10*time.Second, func() { _ = cmd.Process.Kill() })
		defer killer.Stop()
		_, _ = b.reader.WriteTo(discard{}) // until it has closed its end
		_ = cmd.Wait()
		out.Close()
		in.Close()
	})
	return b
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (b *browser) send(method string, params any) error {
	b.last++
	m := message{ID: b.last, SessionID: b.session, Method: method}
	if params != nil {
		data, err := json.Marshal(params)
		if err != nil {
			return err
		}
		m.Params = data
	}
	data, err := json.Marshal(m)
	if err != nil {
		return err
	}
	_, err = b.out.Write(append(data, 0))
	return err
}

// read returns the next message, and keeps it if it is an event.
func (b *browser) read() message {
	b.t.Helper()
	must(b.t, b.in.SetReadDeadline(time.Now().Add(browserPatience)))
	data, err := b.reader.ReadBytes(0)
	must(b.t, err)
	var m message
	must(b.t, json.Unmarshal(data[:len(data)-1], &m))
	if m.Method != "" && m.SessionID == b.session {
		b.events = append(b.events, m)
	}
	return m
}

// call sends a command and waits for its answer, which goes into result.
func (b *browser) call(method string, params, result any) {
	b.t.Helper()
	must(b.t, b.send(method, params))
	for id := b.last; ; {
		m := b.read()
		switch {
		case m.ID != id:
		case m.Error != nil:
			b.t.Fatalf("%s: %s", method, m.Error.Message)
		case result == nil:
			return
		default:
			must(b.t, json.Unmarshal(m.Result, result))
			return
		}
	}
}

type object map[string]any

// open loads an address in a new page and waits until all of it is there.
func (b *browser) open(address string) {
	b.t.Helper()
	b.session, b.events = "", nil
	var target struct {
		TargetID string `json:"targetId"`
	}
	b.call("Target.createTarget", object{"url": "about:blank"}, &target)
	var attached struct {
		SessionID string `json:"sessionId"`
	}
	b.call("Target.attachToTarget", object{"targetId": target.TargetID, "flatten": true}, &attached)
	b.session = attached.SessionID
	for _, domain := range []string{"Page", "Runtime", "Log", "Network"} {
		b.call(domain+".enable", nil, nil)
	}
	b.events = nil
	b.call("Page.navigate", object{"url": address}, nil)
	for {
		for _, e := range b.events {
			if e.Method == "Page.loadEventFired" {
				return
			}
		}
		b.read()
	}
}

// look sets the medium, the colour scheme and the width in CSS pixels.
func (b *browser) look(media, scheme string, width int) {
	b.t.Helper()
	b.call("Emulation.setDeviceMetricsOverride", object{"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": width < 500}, nil)
	b.call("Emulation.setEmulatedMedia", object{"media": media, "features": []object{{"name": "prefers-color-scheme", "value": scheme}}}, nil)
}

// evaluate runs JavaScript of the test, which the page's policy doesn't concern, and decodes what it returns.
func (b *browser) evaluate(script string, result any) {
	b.t.Helper()
	var answer struct {
		Result struct {
			Value json.RawMessage `json:"value"`
		} `json:"result"`
		Exception *struct {
			Text string `json:"text"`
		} `json:"exceptionDetails"`
	}
	b.call("Runtime.evaluate", object{"expression": script, "returnByValue": true}, &answer)
	if answer.Exception != nil {
		b.t.Fatalf("the test's script: %s", answer.Exception.Text)
	}
	if result != nil {
		must(b.t, json.Unmarshal(answer.Result.Value, result))
	}
}

// picture writes a screenshot of the whole page.
func (b *browser) picture(dir, name string) {
	b.t.Helper()
	var shot struct {
		Data string `json:"data"`
	}
	b.call("Page.captureScreenshot", object{"format": "png", "captureBeyondViewport": true}, &shot)
	b.save(dir, name+".png", shot.Data)
}

// paper writes the page as it is printed.
func (b *browser) paper(dir, name string) {
	b.t.Helper()
	var printed struct {
		Data string `json:"data"`
	}
	b.call("Page.printToPDF", object{"preferCSSPageSize": true, "printBackground": false}, &printed)
	b.save(dir, name+".pdf", printed.Data)
}

func (b *browser) save(dir, name, data string) {
	b.t.Helper()
	decoded, err := base64.StdEncoding.DecodeString(data)
	must(b.t, err)
	if len(decoded) == 0 {
		b.t.Fatalf("%s is empty", name)
	}
	must(b.t, os.WriteFile(filepath.Join(dir, name), decoded, 0o644))
}
