package store

import (
	"fmt"

	"github.com/klauspost/compress/s2"
)

// packFrom is the shortest payload in bytes that is made shorter.
const packFrom = 512

// pack makes a payload about half as long, as a block in the format of Snappy
// (format_description.txt of github.com/google/snappy), so that the disk has to
// take less before a delivery is acknowledged. It returns false, and the payload
// itself, if that gains little.
func pack(payload []byte) ([]byte, bool) {
	if len(payload) < packFrom || s2.MaxEncodedLen(len(payload)) < 0 {
		return payload, false
	}
	packed := s2.EncodeSnappy(nil, payload)
	if len(packed) > len(payload)-len(payload)/8 {
		return payload, false
	}
	return packed, true
}

// unpack is the inverse of pack.
func unpack(stored []byte, packed bool) ([]byte, error) {
	if !packed {
		return stored, nil
	}
	payload, err := s2.Decode(nil, stored)
	if err != nil {
		return nil, fmt.Errorf("unpack payload: %w", err)
	}
	return payload, nil
}
