package backend

import "io"

// Thin reads a listing as the scan for locks does before it is decoded.
func Thin(page io.Reader) io.Reader { return &thinner{page: page, times: &Times{}} }
