package main

import "sync"

// ahead begins f and returns what waits for its result: what is asked of others takes its time beside what is computed here.
func ahead[T any](f func() (T, error)) func() (T, error) {
	wait := sync.OnceValues(f)
	go func() { _, _ = wait() }()
	return wait
}
