package store

import (
	"bytes"
	"fmt"
	"sync"

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
	buffer := packing.Get().(*[]byte)
	defer packing.Put(buffer)
	packed := s2.EncodeSnappy((*buffer)[:cap(*buffer)], payload)
	if cap(packed) <= maxPacking {
		*buffer = packed
	}
	if len(packed) > len(payload)-len(payload)/8 {
		return payload, false
	}
	return bytes.Clone(packed), true
}

// packing holds buffers for blocks, which have to be longer at first than they
// are in the end. Those over maxPacking bytes are not kept.
var packing = sync.Pool{New: func() any { return new([]byte) }}

const maxPacking = 128 << 10

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
