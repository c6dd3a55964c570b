package tflock

import "strings"

// codePages restores the frame that clients draw around an error where a Windows agent or PowerShell 5 read its UTF-8 in a
// code page: 437, 850 or 1252.
var codePages = strings.NewReplacer(
	"Γöé", "│", "Γò╖", "╷", "Γò╡", "╵",
	"Ôöé", "│", "ÔòÀ", "╷", "ÔòÁ", "╵",
	"â”‚", "│", "â•·", "╷", "â•µ", "╵",
)
