package depot

import (
	"cmp"
	"slices"

	"github.com/docker-catmandu/docker-catmandu/pkg/parcel"
)

const (
	// A pack gets as large as an eighth of all before it, within these bounds, in bytes: few packs, and none that much is in.
	minPack, maxPack = 1 << 20, 32 << 20
	// smallPacks is how many packs there may be of less than half of that.
	smallPacks = 64
	// minRewrite is how many bytes may always be written again, however small the whole is.
	minRewrite = 64 << 10
)

// owned are for each pack the bytes of those live chunks that no later pack has.
func owned(packs []packed, live map[parcel.Digest]int64) []int64 {
	owner := map[parcel.Digest]int{}
	for i, p := range packs {
		for _, b := range p.Blocks {
			for _, c := range b.Chunks {
				owner[c.Chunk] = i
			}
		}
	}
	out := make([]int64, len(packs))
	for d, size := range live {
		if i, there := owner[d]; there {
			out[i] += size
		}
	}
	return out
}

// bytes are all that is in a pack, dead or alive.
func (p *packed) bytes() (n int64) {
	for _, b := range p.Blocks {
		for _, c := range b.Chunks {
			n += c.Size
		}
	}
	return n
}

// tidy decides what of the packs of a parcel is used by the next, and which chunks need not be sent for it. What is in packs of
// which a third is dead is written again, and what is in small ones when there are many: not all at once, but 3 % of the whole each
// time, so that no save takes much longer than others.
func tidy(packs []packed, live map[parcel.Digest]int64) (kept []packed, known map[parcel.Digest]bool) {
	uses := owned(packs, live)
	var untidy, small []int
	var whole int64
	known = map[parcel.Digest]bool{}
	for i, p := range packs {
		if uses[i] == 0 {
			continue
		}
		kept = append(kept, p)
		whole += uses[i]
		for _, b := range p.Blocks {
			for _, c := range b.Chunks {
				known[c.Chunk] = true
			}
		}
		switch all := p.bytes(); {
		case uses[i]*3 < all*2:
			untidy = append(untidy, i)
		case p.Size < maxPack/2:
			small = append(small, i)
		}
	}
	slices.SortStableFunc(untidy, func(a, b int) int {
		return cmp.Compare(float64(uses[a])/float64(packs[a].bytes()), float64(uses[b])/float64(packs[b].bytes()))
	})
	slices.SortStableFunc(small, func(a, b int) int { return cmp.Compare(uses[a], uses[b]) })
	if len(small) > smallPacks {
		untidy = append(untidy, small[:len(small)-smallPacks+1]...)
	}
	budget := max(whole*3/100, minRewrite)
	for _, i := range untidy {
		budget = forget(&packs[i], live, known, budget)
	}
	return kept, known
}

// forget has live chunks of a pack sent again, as far as the budget reaches.
func forget(p *packed, live map[parcel.Digest]int64, known map[parcel.Digest]bool, budget int64) int64 {
	for _, b := range p.Blocks {
		for _, c := range b.Chunks {
			if _, alive := live[c.Chunk]; alive && known[c.Chunk] {
				if budget -= c.Size; budget < 0 {
					return 0
				}
				delete(known, c.Chunk)
			}
		}
	}
	return budget
}
