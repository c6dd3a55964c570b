// Package unlock releases the one lock that on-call names, and no other: each half
// on condition of the exact bytes that were judged, after a record of them was made.
package unlock
