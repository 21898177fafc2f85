package steps

// Taking returns the local files that the step takes and that f is true of, if it is of a graph that was just made.
func (s *Step) Taking(f func(File) bool) []File {
	var out []File
	for _, t := range s.taken {
		for _, file := range t.take() {
			if f(file) {
				out = append(out, file)
			}
		}
	}
	return out
}
