package steps

// UnnamedFile is what BuildKit before v0.9 calls every cache record of a file operation.
const UnnamedFile = "fileop target"

// Descriptions are those that the cache record of the step's result may have, as BuildKit's solver/llbsolver/ops and its
// cache/remote.go make them. There are none for an image whose digest is not known.
func (s *Step) Descriptions() []string {
	switch {
	case s.Base != nil && s.Base.Digest == "":
		return nil
	case s.Base != nil:
		return []string{"pulled from " + s.Base.Ref + "@" + s.Base.Digest}
	case s.IsRun():
		return []string{"mount / from exec " + s.Text}
	}
	return []string{s.Name, UnnamedFile}
}
