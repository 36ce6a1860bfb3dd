package catalog

import (
	"cmp"
	"strings"
	"unicode"
)

// drawnAlike are letters and digits that people read as the Latin letter that
// begins the row. They are lower case, unless the capital looks like another
// letter.
var drawnAlike = [...]string{
	"aàáâãäåāăąǎɑαа", "bвьβ", "cçćĉċčсϲ", "dďđԁ", "eèéêëēĕėęěеёєεэ", "fƒ", "gĝğġģɡԍ", "hĥħнһΗ", "jĵјϳ", "kķĸкκ",
	"lĺļľŀł1iìíîïĩīĭįıіїιǐ|", "mмΜ", "nñńņňŉŋпηΝ", "oòóôõöøōŏőоοσ0ǒө", "pрρ", "qԛ", "rŕŗřг", "sśŝşšѕșſ", "tţťŧтτț",
	"uùúûüũūŭůűųυцǔμµ", "vѵν", "wŵԝωш", "xхχ×", "yýÿŷуүγΥ", "zźżžζз",
	"aạảấầẩẫậắằẳẵặḁẚȧᴀᵃₐᎪꓮⲁ", "bḃḅḇʙ", "cḉᴄⅽ", "dḋḍḏḑḓᴅⅾ", "eḕḗḙḛḝẹẻẽếềểễệᴇᵉₑℯ℮ɛᎬꓰⲉ", "fḟ", "gḡɢ", "hḣḥḧḩḫẖʜₕℎ", "lḭḯỉịɪᵢⅰḷḹḻḽʟⅼℓ",
	"jᴊ", "kḱḳḵᴋ", "mḿṁṃᴍⅿ", "nṅṇṉṋɴ", "oṍṏṑṓọỏốồổỗộớờởỡợȯȱơᴏₒⲟ", "pṕṗᴘⲣ", "rṙṛṝṟʀ", "sṡṣṥṧṩꜱ", "tṫṭṯṱẗᴛ", "uṳṵṷṹṻụủứừửữựưᴜ",
	"vṽṿᴠⅴ", "wẁẃẅẇẉẘᴡ", "xẋẍⅹₓⲭ", "yẏẙỳỵỷỹʏ", "zẑẓẕᴢ",
}

var latin = func() map[rune]rune {
	m := make(map[rune]rune)
	for _, row := range drawnAlike {
		for _, r := range row {
			m[r] = rune(row[0])
		}
	}
	return m
}()

var ligatures = strings.NewReplacer("rn", "m", "vv", "w", "ß", "ss", "æ", "ae", "œ", "oe", "ﬁ", "fl", "ﬂ", "fl")

// vendorKey returns what vendors' names have in common that people read as the
// same. It ignores upper and lower case, blanks, punctuation and invisible
// characters, and it maps letters and digits that look alike (accents, other
// alphabets, wide and mathematical forms) to one (CAT-17).
func vendorKey(name string) string {
	var key strings.Builder
	for _, r := range name {
		switch {
		case r >= 0xff01 && r <= 0xff5e: // wide
			r -= 0xfee0
		case r >= 0x1d400 && r <= 0x1d6a3: // mathematical, 26 capital and 26 small letters in turn
			r = 'a' + (r-0x1d400)%26
		case r >= 0x1d7ce && r <= 0x1d7ff:
			r = '0' + (r-0x1d7ce)%10
		case r >= 0x24b6 && r <= 0x24e9: // in circles
			r = 'a' + (r-0x24b6)%26
		case r >= 0x1f130 && r <= 0x1f149: // in squares
			r = 'a' + r - 0x1f130
		}
		lower := unicode.ToLower(r)
		switch like := cmp.Or(latin[r], latin[lower]); {
		case like != 0:
			key.WriteRune(like)
		case unicode.IsLetter(r) || unicode.IsNumber(r):
			key.WriteRune(lower)
		}
	}
	if key.Len() == 0 {
		return name
	}
	return ligatures.Replace(key.String())
}
