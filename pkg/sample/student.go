package sample

import "math"

// studentP is the probability that |t| is passed by Student's t with so many degrees of freedom.
func studentP(t, freedom float64) float64 {
	return betaInc(freedom/2, 0.5, freedom/(freedom+t*t))
}

// studentQuantile is the t that is not passed with the probability p, which is a half or more. Newton's steps come to it from
// below: the distribution is concave there.
func studentQuantile(p, freedom float64) float64 {
	scale := logGamma((freedom+1)/2) - logGamma(freedom/2) - math.Log(freedom*math.Pi)/2
	t := 0.0
	for range 200 {
		density := math.Exp(scale - (freedom+1)/2*math.Log1p(t*t/freedom))
		step := (studentP(t, freedom)/2 - (1 - p)) / density
		t += step
		if !(step > 1e-12*t) {
			break
		}
	}
	return t
}

// betaInc is the regularised incomplete beta function, by its continued fraction (Lentz's method).
func betaInc(a, b, x float64) float64 {
	if x <= 0 {
		return 0
	}
	if x >= 1 {
		return 1
	}
	if x > (a+1)/(a+b+2) { // where the fraction converges slowly
		return 1 - betaInc(b, a, 1-x)
	}
	const tiny = 1e-300
	away := func(v float64) float64 {
		if math.Abs(v) < tiny {
			return tiny
		}
		return v
	}
	c, d := 1.0, 1/away(1-(a+b)*x/(a+1))
	f := d
	for m := 1.0; m <= 300; m++ {
		even := m * (b - m) * x / ((a + 2*m - 1) * (a + 2*m))
		d, c = 1/away(1+even*d), away(1+even/c)
		f *= d * c
		odd := -(a + m) * (a + b + m) * x / ((a + 2*m) * (a + 2*m + 1))
		d, c = 1/away(1+odd*d), away(1+odd/c)
		f *= d * c
		if math.Abs(d*c-1) < 1e-14 {
			break
		}
	}
	return math.Exp(logGamma(a+b)-logGamma(a)-logGamma(b)+a*math.Log(x)+b*math.Log1p(-x)) * f / a
}

func logGamma(x float64) float64 {
	v, _ := math.Lgamma(x)
	return v
}

// moments are the mean and the variance of a sample.
func moments(x []float64) (mean, variance float64) {
	for _, v := range x {
		mean += v / float64(len(x))
	}
	for _, v := range x {
		variance += (v - mean) * (v - mean) / float64(len(x)-1)
	}
	return mean, variance
}

// welchP is the two-sided p of Welch's t test that the means of two samples are equal.
func welchP(x, y []float64) float64 {
	mx, vx := moments(x)
	my, vy := moments(y)
	sx, sy := vx/float64(len(x)), vy/float64(len(y))
	const equal = 1e-24 // of logarithms that differ by rounding only
	switch {
	case (mx-my)*(mx-my) < equal:
		return 1
	case sx+sy < equal:
		return 0
	}
	freedom := (sx + sy) * (sx + sy) / (sx*sx/float64(len(x)-1) + sy*sy/float64(len(y)-1))
	return studentP((mx-my)/math.Sqrt(sx+sy), freedom)
}
