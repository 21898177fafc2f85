package revision

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// large is the size from which a file has a git process of its own, and is not held in memory.
const large = 64 << 20

// open reads the object of a node, in the form that a checkout would give it.
func (r *repo) open(n *node) (io.ReadCloser, error) {
	if n.size > large {
		return r.stream(n)
	}
	content, err := r.read(n)
	if err != nil {
		return nil, err
	}
	return io.NopCloser(bytes.NewReader(content)), nil
}

func (r *repo) read(n *node) ([]byte, error) {
	name := strings.TrimPrefix(n.path, r.prefix)
	// A line of git's input has the object, spaces and the path: it cannot say every path.
	if n.convert && (strings.ContainsAny(name, "\n\r") || strings.TrimLeft(name, " \t") != name) {
		return r.run(nil, "cat-file", "--filters", "--path="+name, n.object)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if n.convert {
		return r.ask(&r.converted, n.object, name)
	}
	return r.ask(&r.plain, n.object, "")
}

// ask reads an object through a process that serves many.
func (r *repo) ask(b **batch, object, name string) ([]byte, error) {
	if *b == nil {
		args := []string{"cat-file", "--batch"}
		if name != "" {
			args = append(args, "--filters")
		}
		started, err := startBatch(r.command(args...))
		if err != nil {
			return nil, err
		}
		*b = started
	}
	content, err := (*b).read(object, name)
	if err == nil {
		return content, nil
	}
	if errors.Is(err, errNoObject) {
		return nil, r.missing(object)
	}
	err = (*b).fail(err)
	*b = nil
	switch {
	case r.ctx.Err() != nil:
		return nil, r.ctx.Err()
	case r.partial(): // git ends when it may not fetch the object
		return nil, r.missing(object)
	}
	return nil, err
}

func (r *repo) close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, b := range []**batch{&r.plain, &r.converted} {
		if *b != nil {
			(*b).stop()
			*b = nil
		}
	}
	if r.attributes != "" {
		return os.RemoveAll(r.attributes)
	}
	return nil
}

// stream reads an object through a process of its own.
func (r *repo) stream(n *node) (io.ReadCloser, error) {
	cmd := r.command("cat-file", "blob", n.object)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	s := &stream{ReadCloser: out, cmd: cmd}
	cmd.Stderr = &s.stderr
	return s, cmd.Start()
}

type stream struct {
	io.ReadCloser
	cmd    *exec.Cmd
	stderr bytes.Buffer
	ended  bool
}

// Read tells at the end whether git could read all.
func (s *stream) Read(p []byte) (int, error) {
	n, err := s.ReadCloser.Read(p)
	if err != nil && !s.ended {
		s.ended = true
		if failed := s.cmd.Wait(); failed != nil {
			return n, failure(s.cmd, s.stderr.String(), failed)
		}
	}
	return n, err
}

func (s *stream) Close() error {
	if s.ended {
		return nil
	}
	s.ended = true
	s.ReadCloser.Close()
	_ = s.cmd.Wait() // git was not read to its end: its broken pipe is no error
	return nil
}

var errNoObject = errors.New("no such object")

// batch is a running `git cat-file --batch`.
type batch struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Reader
	stderr bytes.Buffer
	end    string // no object has this name
}

func startBatch(cmd *exec.Cmd) (*batch, error) {
	b := &batch{cmd: cmd, end: "end." + rand.Text()}
	cmd.Stderr = &b.stderr
	var err error
	if b.in, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	b.out = bufio.NewReaderSize(out, 1<<16)
	return b, cmd.Start()
}

// read asks for an object; with a path it passes the filters of that path.
func (b *batch) read(object, name string) ([]byte, error) {
	question := object + "\n"
	if name != "" {
		question = object + " " + name + "\n" + b.end + " x\n"
	}
	if _, err := io.WriteString(b.in, question); err != nil {
		return nil, err
	}
	header, err := b.out.ReadString('\n')
	if err != nil {
		return nil, err
	}
	if name != "" {
		return b.readToEnd(header)
	}
	if strings.HasSuffix(header, " missing\n") {
		return nil, errNoObject
	}
	fields := strings.Fields(header) // object, type, size
	if len(fields) != 3 {
		return nil, fmt.Errorf("git cat-file: unknown answer %q", header)
	}
	size, err := strconv.Atoi(fields[2])
	if err != nil {
		return nil, err
	}
	content := make([]byte, size+1)
	_, err = io.ReadFull(b.out, content)
	return content[:size], err
}

// readToEnd reads converted content. The size in git's header is that of the object, not of what follows, so the answer to
// a second question, for what cannot be, tells where it ends.
func (b *batch) readToEnd(header string) ([]byte, error) {
	end := []byte("\n" + b.end + " missing\n")
	content := []byte("\n") // without an object the end follows at once
	for !bytes.HasSuffix(content, end) {
		part, err := b.out.ReadSlice('\n')
		content = append(content, part...)
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return nil, err
		}
	}
	if strings.HasSuffix(header, " missing\n") {
		return nil, errNoObject
	}
	return content[1 : len(content)-len(end)], nil
}

// fail ends a batch that broke, and says why.
func (b *batch) fail(err error) error {
	if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, syscall.EPIPE) {
		b.stop()
		return err
	}
	b.in.Close()
	if exit := b.cmd.Wait(); exit != nil {
		err = exit
	}
	return failure(b.cmd, b.stderr.String(), err)
}

func (b *batch) stop() {
	b.in.Close()
	_ = b.cmd.Process.Kill()
	_ = b.cmd.Wait()
}
