package openpgp

import (
	"bytes"
	"strings"
	"testing"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/stretchr/testify/require"

	"github.com/patchpolicy/patchpolicy/integrity"
)

const signedText = "Suite: bookworm\r\n- dashed\r\nFrom here\r\n\r\nend"

// Whatever is not exactly one signed block is bad, never unsigned, and nothing of it comes out.
func TestClearsigned_INT9(t *testing.T) {
	key, other, stranger := makeKey(t, "vendor", nil), makeKey(t, "other", nil), makeKey(t, "stranger", nil)
	v := trusting(t, key, other)
	message := clearSign(t, "Suite: bookworm\n- dashed\nFrom here \t\n\nend", key)
	edit := func(from, to string) []byte {
		changed := strings.Replace(string(message), from, to, 1)
		require.NotEqual(t, string(message), changed)
		return []byte(changed)
	}
	cut := func(at string) []byte { before, _, _ := bytes.Cut(message, []byte(at)); return before }
	signature := string(message[bytes.Index(message, []byte(beginSignature)):])
	binary := func() []byte { // as some programs sign that are not GnuPG
		block := armored(t, armorSignature, signAs(t, []byte(signedText), key, packet.SigTypeBinary, 5, nil))
		return append(bytes.Clone(cut(beginSignature)), block...)
	}
	require.Contains(t, string(message), "Hash: SHA256\n")
	for _, tt := range []struct {
		name   string
		data   []byte
		status integrity.Status
		text   string
	}{
		{"good", message, integrity.Valid, ""},
		{"DOS line ends", bytes.ReplaceAll(message, []byte("\n"), []byte("\r\n")), integrity.Valid, ""},
		{"blanks at the ends of lines", bytes.ReplaceAll(message, []byte("\n"), []byte(" \t\n")), integrity.Valid, ""},
		{"blank lines after it", append(bytes.Clone(message), " \n\n"...), integrity.Valid, ""},
		{"no line end after it", bytes.TrimSpace(message), integrity.Valid, ""},
		{"two Hash headers", edit("Hash: SHA256\n", "Hash: SHA512, SHA1\nHash: SHA256\n"), integrity.Valid, ""},
		{"a binary signature", binary(), integrity.Valid, ""},
		{"two signatures", clearSign(t, "Suite: bookworm\n- dashed\nFrom here\n\nend", stranger, key), integrity.Valid, ""},

		{"text before", append([]byte("Suite: evil\n\n"), message...), integrity.Bad, "text before"},
		{"a blank line before", append([]byte("\n"), message...), integrity.Bad, "text before"},
		{"text after", append(bytes.Clone(message), "Suite: evil\n"...), integrity.Bad, "text after"},
		{"text on the last line", append(bytes.Clone(bytes.TrimSpace(message)), "Suite: evil\n"...), integrity.Bad, "text after"},
		{"a second signature block", append(bytes.Clone(message), signature...), integrity.Bad, "text after"},
		{"two blocks", append(bytes.Clone(message), message...), integrity.Bad, "more than one"},
		{"a block within the text", edit("Suite", beginSigned+"\nSuite"), integrity.Bad, "more than one"},
		{"an escaped block within the text", edit("Suite", "- "+beginSigned+"\nSuite"), integrity.Bad, "does not hold"},
		{"the first line not alone", edit(beginSigned, beginSigned+"x"), integrity.Bad, "text before"},
		{"signature cut off", cut(beginSignature), integrity.Bad, "cut off"},
		{"cut off before the signature's end", cut(endSignature), integrity.Bad, "cut off within its signature"},
		{"cut off inside the text", cut("bookworm"), integrity.Bad, "cut off"},
		{"cut off after the first line", []byte(beginSigned), integrity.Bad, "cut off"},
		{"cut off after the headers", cut("Suite"), integrity.Bad, "cut off"},
		{"altered", edit("bookworm", "bookwork"), integrity.Bad, "does not hold"},
		{"a line added", edit("Suite", "Origin: x\nSuite"), integrity.Bad, "does not hold"},
		{"a blank line added at the end", edit(beginSignature, "\n"+beginSignature), integrity.Bad, "does not hold"},
		{"a header of no kind", edit("Hash: ", "Charset: x\nHash: "), integrity.Bad, `"Charset: x" is not Hash`},
		{"a Hash header without a blank", edit("Hash: ", "Hash:"), integrity.Bad, "is not Hash"},
		{"a Hash header with a tab", edit("Hash: ", "Hash:\t"), integrity.Bad, "is not Hash"},
		{"a header that is text", edit("Hash: ", "Suite: evil\nHash: "), integrity.Bad, "is not Hash"},
		{"not dash-escaped", edit("Hash: ", "NotDashEscaped: You need GnuPG to verify this message\nHash: "), integrity.Unsupported, "not dash-escaped"},
		{"a Hash nobody knows", edit("Hash: SHA256", "Hash: SHA257"), integrity.Bad, `names "SHA257"`},
		{"another Hash", edit("Hash: SHA256", "Hash: SHA512"), integrity.Bad, "SHA-256 is not one of those"},
		{"no Hash", edit("Hash: SHA256\n", ""), integrity.Bad, "SHA-256 is not one of those"},
		{"no blank line after the headers", edit("Hash: SHA256\n\n", "Hash: SHA256\n"), integrity.Bad, "is not Hash"},
		{"a dash that is not escaped", edit("- - dashed", "- - dashed\n-dashed"), integrity.Bad, "is not escaped"},
		{"a lone dash", edit("\nend\n", "\nend\n-\n"), integrity.Bad, "is not escaped"},
		{"a lone carriage return", edit("Suite", "Su\rite"), integrity.Bad, "does not hold"},
		{"a lone carriage return that was signed", clearSign(t, "Su\rite", key), integrity.Unsupported, "carriage return"},
		{"a very long line", edit("end", strings.Repeat("x", MaxLine+1)), integrity.Bad, "does not hold"},
		{"a very long line that was signed", clearSign(t, strings.Repeat("x", MaxLine+1), key), integrity.Unsupported, "at most 19995"},
		{"a line as long as can be", edit("end", strings.Repeat("x", MaxLine)), integrity.Bad, "does not hold"},
		{"an empty signature", edit(signature, beginSignature+"\n\n"+endSignature+"\n"), integrity.Bad, "empty"},
		{"a broken signature", edit(beginSignature+"\n\n", beginSignature+"\n\n!"), integrity.Bad, "broken"},
		{"a key in place of the signature", edit(signature, string(armored(t, armorSignature, ringOf(t, key)))), integrity.Bad, "which is not a signature"},
		{"by a stranger", clearSign(t, "Suite: bookworm", stranger), integrity.Bad, "not a trusted key"},
		{"too large", append(bytes.Clone(message), make([]byte, MaxClearsigned)...), integrity.Unsupported, "at most 4194304"},
		{"only the signature", []byte(signature), integrity.Bad, "text before"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			plain, r := v.Clearsigned(tt.data)
			require.Equal(t, tt.status.String(), r.Answer.Status.String(), r.Answer.Detail)
			require.Contains(t, r.Answer.Detail, tt.text)
			require.Equal(t, KindClearsigned, r.Kind)
			checkAnswer(t, r)
			if tt.status == integrity.Valid {
				require.Equal(t, signedText, string(plain))
				require.Equal(t, signTime, r.Answer.SignedAt)
			} else {
				require.Nil(t, plain)
			}
			if tt.name != "only the signature" && tt.name != "too large" { // a signature as a file is a file
				require.Equal(t, r.Answer, inspect(t, v, tt.data, nil).Answer)
			}
		})
	}
	plain, r := v.Clearsigned([]byte("Suite: bookworm\n"))
	require.Nil(t, plain)
	require.Equal(t, Report{Kind: KindNone, Answer: integrity.Signature{Status: integrity.Absent}}, r)

	empty, r := v.Clearsigned(clearSign(t, "", key))
	require.Equal(t, integrity.Valid, r.Answer.Status)
	require.NotNil(t, empty)
	require.Empty(t, empty)
}

// Which files are clear-signed texts, or were meant to be.
func TestWhatIsClearsigned_INT9(t *testing.T) {
	key := makeKey(t, "vendor", nil)
	message := string(clearSign(t, "the patch", key))
	long := strings.Repeat("x\n", 200_000)
	for name, tt := range map[string]struct {
		content string
		status  integrity.Status
	}{
		"as it is":                          {message, integrity.Valid},
		"after some text":                   {long + message, integrity.Bad},
		"after text up to a read's end":     {strings.Repeat("x", bufferSize-20) + "\n" + message, integrity.Bad},
		"after text that is just too long":  {strings.Repeat("x", MaxClearsigned-len(message)) + "\n" + message, integrity.Absent},
		"after text that just fits":         {strings.Repeat("x", MaxClearsigned-len(message)-1) + "\n" + message, integrity.Bad},
		"long, but it begins so":            {message + strings.Repeat(" ", MaxClearsigned), integrity.Unsupported},
		"spoken of within a line":           {"it begins with " + beginSigned + "\n", integrity.Absent},
		"spoken of in a program":            {"\x7fELF\x00\n" + message, integrity.Absent},
		"a program's bytes after the block": {message + "\x00", integrity.Bad},
		"a script with a key in it":         {"#!/bin/sh\n" + string(armored(t, armorKeys, ringOf(t, key))), integrity.Absent},
		"empty":                             {"", integrity.Absent},
	} {
		require.Equal(t, tt.status.String(), inspect(t, trusting(t, key), []byte(tt.content), nil).Answer.Status.String(), name)
	}
}
