package signed

import "encoding/hex"

// smallOrder are the encodings of points of small order without the sign of x: 0, 1
// and -1, 0 and 1 with the prime added, and the two points of order 8.
var smallOrder = func() map[[32]byte]bool {
	set := map[[32]byte]bool{}
	for _, text := range []string{
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
	} {
		point, err := hex.DecodeString(text)
		if err != nil {
			panic(err)
		}
		set[[32]byte(point)] = true
	}
	return set
}()
