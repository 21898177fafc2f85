package usage

import "slices"

// Narrow is a plan without what images still share, made after the images that were to go have gone: shared has the records of which
// an image has the same data now. What was not in the plan does not come into it.
func (u *Usage) Narrow(before *Plan, s Selection, shared map[string]bool) *Plan {
	announced := map[string]bool{}
	for _, i := range before.Remove {
		announced[i.ID] = true
	}
	for i := range u.Items {
		u.Items[i].Shared = shared[u.Items[i].ID] || !announced[u.Items[i].ID] && u.Items[i].Shared
	}
	s.Unshared = false
	after := u.Plan(s)
	after.Remove = slices.DeleteFunc(after.Remove, func(i Item) bool { return !announced[i.ID] })
	return after
}
