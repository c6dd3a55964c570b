// Package widget is what a custom widget of a CloudWatch dashboard is: the context
// that the dashboard calls a function with, the HTML that it shows, and the actions
// that its buttons do. All that it knows of the protocol is from AWS's documentation of
// custom widgets and AWS's samples.
//
// Its HTML is safe by construction: names of elements and attributes can only be
// literals of the program, and every text and value is escaped. It knows nothing of
// locks.
package widget
