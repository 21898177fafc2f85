package session

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
)

// Write writes a session as one document that people can read.
func Write(w io.Writer, s *Session) error {
	text, err := marshal(s)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := json.Indent(&b, text, "", "  "); err != nil {
		return err
	}
	b.WriteByte('\n')
	_, err = w.Write(b.Bytes())
	return err
}

// Read reads one document, also a compressed one. Fields that it does not know are no error, another major version is.
func Read(r io.Reader) (*Session, error) {
	b := bufio.NewReader(r)
	if magic, _ := b.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(b)
		if err != nil {
			return nil, err
		}
		b = bufio.NewReader(z)
	}
	text, err := io.ReadAll(b)
	if err != nil {
		return nil, err
	}
	return parse(text)
}

// schemaError is an error of a session that some other version of the program has written.
type schemaError struct{ schema string }

func (e *schemaError) Error() string {
	return fmt.Sprintf("schema %q: this program reads %s", e.schema, Schema)
}

func parse(text []byte) (*Session, error) {
	var head struct {
		Schema *string `json:"schema"`
	}
	switch err := json.Unmarshal(text, &head); {
	case err != nil:
		return nil, err
	case head.Schema == nil:
		return nil, errors.New("it is no session: it has no schema")
	case *head.Schema != Schema && !strings.HasPrefix(*head.Schema, Schema+"."):
		return nil, &schemaError{*head.Schema}
	}
	var s Session
	if err := json.Unmarshal(text, &s); err != nil {
		return nil, err
	}
	if err := checkID(s.ID); err != nil {
		return nil, err
	}
	s.complete()
	return &s, nil
}

// marshal is json.Marshal with && left as it is: commands are full of it.
func marshal(s *Session) ([]byte, error) {
	s.complete()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		return nil, fmt.Errorf("session %s: %w", s.ID, err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

func pack(w io.Writer, s *Session) error {
	z := gzip.NewWriter(w)
	if err := Write(z, s); err != nil {
		return err
	}
	return z.Close()
}

// complete makes lists and maps that are always written empty where they are nil: a reader needs not ask for null.
func (s *Session) complete() { complete(reflect.ValueOf(s).Elem()) }

func complete(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			complete(v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			complete(v.Index(i))
		}
	case reflect.Map: // of lists
		for _, k := range v.MapKeys() {
			if e := v.MapIndex(k); e.Kind() == reflect.Slice && e.IsNil() {
				v.SetMapIndex(k, reflect.MakeSlice(e.Type(), 0, 0))
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			field, f := v.Type().Field(i), v.Field(i)
			if !field.IsExported() { // of a time
				return
			}
			complete(f)
			if strings.HasSuffix(field.Tag.Get("json"), ",omitempty") {
				continue
			}
			switch {
			case f.Kind() == reflect.Slice && f.IsNil():
				f.Set(reflect.MakeSlice(f.Type(), 0, 0))
			case f.Kind() == reflect.Map && f.IsNil():
				f.Set(reflect.MakeMap(f.Type()))
			}
		}
	}
}
