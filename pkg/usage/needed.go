package usage

// Needed tells whether a current target needs the record, whoever else has it too.
func (i *Item) Needed() bool { return i.needed }
