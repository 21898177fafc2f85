package page

import (
	"fmt"
)

// table is numbers. The first cell of a row is its head.
type table struct {
	Caption string
	Head    []string
	// Numbers is the first column that is set to the right; after Words they are text again.
	Numbers, Words int
	Rows           [][]string
	More           string
}

// tableRoom is for one table, in bytes.
const tableRoom = 11 << 10

// clipped is the table without the rows for which there is no room.
func (t table) clipped() table {
	left := tableRoom
	for i, row := range t.Rows {
		for _, cell := range row {
			left -= len(cell) + 10
		}
		if left < 0 {
			t.More = fmt.Sprintf("%d more rows are in the session's own file.", len(t.Rows)-i)
			t.Rows = t.Rows[:i]
			break
		}
	}
	return t
}

// Class is that of a cell.
func (t table) Class(column int) string {
	if column >= t.Numbers && column < t.Words {
		return "n"
	}
	return ""
}
