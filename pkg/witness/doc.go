// Package witness records who took and who removed each lock object, from S3's own event
// notifications of `.tflock` objects. It knows the form of those events, and nothing of
// locks that are held now: a scan stays the truth, and a witness only adds evidence.
//
// Begin with [Witness.Run]. Events come late, twice and in any order; the records are the
// same each time, since [ledger.Witnesses] keeps every event by its own order.
package witness
