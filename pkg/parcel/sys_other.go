//go:build !linux

package parcel

import (
	"errors"
	"os"
)

// Supported is nil where folders can be packed and unpacked.
var Supported = errors.ErrUnsupported

func describe(string) (Entry, status, error) { return Entry{}, status{}, errors.ErrUnsupported }

func describeBare(string) (Entry, status, error)   { return Entry{}, status{}, errors.ErrUnsupported }
func openFile(string) (*os.File, error)            { return nil, errors.ErrUnsupported }
func current(*os.File) (Entry, status, error)      { return Entry{}, status{}, errors.ErrUnsupported }
func nextData(*os.File, int64, int64) (b, e int64) { return 0, 0 }
func create(string, *Entry) error                  { return errors.ErrUnsupported }
func dress(string, *Entry) error                   { return errors.ErrUnsupported }
func dressNew(*os.File, *Entry) error              { return errors.ErrUnsupported }
func setTime(string, *Entry) error                 { return errors.ErrUnsupported }
func move(string, string) error                    { return errors.ErrUnsupported }
func lock(string, bool) (func(), error)            { return nil, errors.ErrUnsupported }
