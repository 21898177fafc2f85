# money CENTS prints a price: money 1250 is 12.50.
money() {
	printf '%d.%02d\n' $(($1 / 100)) $(($1 % 100))
}
