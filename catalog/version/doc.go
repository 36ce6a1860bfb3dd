// Package version reads and orders versions of software in the schemes that
// their makers use.
//
// A [Version] is a text that is valid in one [Scheme]. [Parse] makes one, or
// says why the text is not valid. Parsing also makes the key by which the
// version sorts, so [Version.Compare] compares bytes and neither parses nor
// allocates. Every order is total. Versions of different schemes, and the zero
// Version, have no order, and Compare says so instead of guessing (CAT-3,
// Unorderable).
//
// # Schemes
//
// The set is open (CAT-20): an importer adds a scheme with [Own] and tests it
// with package versiontest. These are built in:
//
// semver is Semantic Versioning 2.0.0: MAJOR.MINOR.PATCH without a leading "v",
// an optional pre-release after "-", and optional build metadata after "+".
// Build metadata does not count in the order: 1.0.0+a and 1.0.0+b have the same
// precedence, though == distinguishes them. Each of the three numbers fits 64
// bits. Numeric pre-release identifiers of any length compare as numbers.
//
// debian is deb-version(7): [epoch:]upstream[-revision]. The epoch is a number
// up to 2147483647 and zero if missing. The revision follows the last hyphen,
// and a missing one equals "0". Upstream and revision consist of letters,
// digits and ". + ~". Upstream may also contain "-" and, after an epoch, ":".
// Upstream need not begin with a digit: the manual only recommends it, and dpkg
// orders such versions. The order is dpkg's: a tilde sorts before everything,
// even the end; letters sort before other characters; numbers sort by value.
//
// rpm is [epoch:]version[-release]. The epoch is a number up to 4294967295 and
// zero if missing. Version and release consist of letters, digits and ". _ + ~
// ^". The order is rpm's: it compares runs of letters and runs of digits, and
// separators do not count, so 1.0 equals 1_0. A number is newer than letters,
// and a further part is newer than none. A tilde sorts before the end. A caret
// sorts after the end and before everything else. A version without a release
// is older than one with a release.
//
// apk is Alpine's digit{.digit}…{letter}{_suffix{digit}}…{~commit}{-rdigit}.
// The order is that of apk-tools 3: the suffixes alpha, beta, pre and rc sort
// before the version without one, and cvs, svn, git, hg and p sort after it.
// After the first dot, a number with a leading zero compares as text and is
// older than one without.
//
// dotted is one to eight decimal numbers of any length with dots between, as
// Windows and Chrome use. Leading zeros do not count, and missing numbers are
// zero: 1.2 equals 1.2.0.0.
//
// # jdk
//
// jdk reads versions of Java. Those since Java 9 order as
// Runtime.Version.compareToIgnoreOptional does: by the numbers, then early
// access before the release, then by the build. The older forms are read as the
// numbers that Java 8 later gave them.
//
//	17.0.9+9           <  17.0.9+11           a build is a number
//	17.0.9             <  17.0.9+9            no build is older than any build, as Runtime.Version orders it
//	17                 =  17.0.0              missing numbers are zero
//	22-ea+36           <  22+36               early access is older than the release
//	22-ea+9            <  22-ea+36            and has builds of its own
//	22+36              <  22.0.1+8            a later update is newer whatever its build
//	17.0.9+9-LTS       =  17.0.9+9            the optional part does not count
//	17.0.9+9-Debian-1  =  17.0.9+9-LTS        the builder does not count
//	17-LTS             <  17                  without a build, Runtime.Version reads it as a pre-release
//	1.8.0_391          =  8u391               the same release in both old forms
//	8u391              =  8.0.391             and in the new form
//	1.8.0_391          <  1.8.0_391-b13       the same in the old form
//	8u392-b08          =  1.8.0_392-b08       the same build in both old forms
//	8u392b08           =  8u392-b08           as in the names of downloads
//	1.8.0_402-ea-b03   <  1.8.0_402           early access is older than the release
//	1.8.0_99           <  1.8.0_391           an update is a number
//	1.6.0_07           <  1.6.0_10            leading zeros do not count
//	1.8.0              <  1.8.0_5             the first release has no update
//	1.4.2_19           <  1.5.0               the oldest lines have a third number
//	1.8.0_391          <  11.0.2              all of them are older than the new lines
//
// # loose
//
// loose reads the versions in catalogs of Windows and macOS software. It reads
// numbers and words. Separators and the case of letters do not count. Missing
// numbers are zero. A word makes the version older than the bare number, except
// for a few that are ignored and a few that make it newer. A version begins
// with a number or with an ignored word. It consists of letters, digits, blanks
// and ". , - _ + ~ : / ( ) [ ]".
//
//	1.9                <  1.10                numbers by value
//	24.8               =  24.08               leading zeros do not count
//	1.2                =  1.2.0               missing numbers are zero
//	1.2                <  1.2.0.1             a further number is newer
//	5.17.11            <  5.17.11 (34827)     in brackets too
//	5.17.11 (34827)    =  5.17.11.34827       and equals the file's own version
//	10, 0, 19041, 1    =  10.0.19041.1        separators do not count
//	2024-01-15         <  2024.02.01          dates are numbers
//	1.2-3              =  1.2.3               a hyphen is a separator
//	1.2.3              <  1.2.3+4             so is a plus
//	v1.2               =  1.2                 these words are ignored: v, ver, version,
//	10.0 (Build 19045) =  10.0.19045          build,
//	2.44.0.windows.1   =  2.44.0.1            windows, win, macos,
//	115.0esr           =  115.0               esr, lts,
//	1.2 Final          =  1.2                 release, final, ga, stable,
//	1.2 (x64)          =  1.2                 x64, x86, amd64, arm64,
//	8.0 Update 3       =  8.0.3               update, u: the third number is the update
//	8.0 Update 3       <  8.0 Update 3k       a single letter is newer than none
//	8.0 Update 3k      <  8.0 Update 4        and older than the next number
//	1.1.1              <  1.1.1w              the same without "Update"
//	1.1.1w             <  1.1.1.1             a further number is newer than a letter
//	1.1.1b             <  1.1.1W              letters compare without case
//	1.1.1t             <  1.1.1u              u and v too, if no number follows
//	1.1.1u             <  1.1.1v              as in OpenSSL
//	1.1.1o             <  1.1.1p              the same for letters that abbreviate words
//	1.1.1q             <  1.1.1r              in alphabetical order
//	1.0.2u             <  1.0.2za             after z comes za
//	0.9.8z             <  0.9.8zh             as OpenSSL continued
//	122u               <  122v                InfoQube
//	9.0i               <  9.0j                letters as small updates
//	24.08 beta         <  24.08               a word is older than the bare number
//	24.07              <  24.08 beta          and newer than the number before
//	24 beta            =  24.0 beta           zeros before a word do not count
//	1.0 alpha          <  1.0 beta            words in alphabetical order: alpha, beta, dev, preview, rc
//	1.0 beta           <  1.0 beta 2          then further numbers
//	1.0 beta 2         <  1.0-beta10          by value
//	3.12.0a7           <  3.12.0b1            a is alpha and b is beta before a number
//	3.12.0b1           =  3.12.0 beta 1       in any spelling
//	1.0 Candidate 1    =  1.0rc1              a candidate is an rc
//	1.2 acme           <  1.2                 an unknown word is older, so that no update is missed
//	9.5p1              =  9.5 Patch 1         these are newer than the bare number: patch, p,
//	1.2                <  1.2 HF1             hotfix, hf,
//	10                 <  10 SP1              sp, service pack,
//	2019 CU4           <  2019 CU5            cu,
//	2012               <  2012 R2             r, rev, revision
//	1.2 Hotfix 1       <  1.2.1               and older than a further number
//	10 Service Pack 1  =  10 SP1              service is ignored
//	24.004.20272       <  2024.005.20320      Adobe: a year in two digits is older
//	6.7.3 (64-bit)     <  6.7.3.65            numbers in brackets count: 64 too
//	8.0 Update 391     =  8.0.391             Java's name
//	8.0 Update 5       <  8 Update 401        without the zero it is 8.401: write all of them alike
//	v8.6.4             =  8.6.4               Notepad++
//	v8.6.4             <  v8.6.10             by numbers
//	24.08 beta         <  24.08               7-Zip
//	3.0.20             <  3.0.20-1            VLC: a package's number is a further number
//	3.0.20-1           <  3.0.21              and older than the next version
//	2023.3.1-233       <  2023.3-233          JetBrains: a hyphen only separates: use dotted with the build alone
//	1.2.3-rc.1+build5  =  1.2.3 rc 1 5        the build is a further number of the candidate
//	1.2.3-rc.1+build5  <  1.2.3               and it is still a candidate
//	2012 R2            <  2012 R2 SP1         R2, then SP1
//	2012 R2 SP1        <  2012 R3             the first word decides
//	2012 SP1           <  2014                SQL Server
//	build 19045.4291   =  19045.4291          Windows
//	10.0.19045.4291    <  10.0.22631.3447     Windows 10 and 11
//	2.43.0.windows.1   <  2.44.0.windows.1    Git for Windows
//	2.44.0.windows.1   <  2.44.0.windows.2    built again
//	2.44.0.rc1.windows.1  <  2.44.0.windows.1  candidates have the word too
//	115.9.1esr         <  115.10.0esr         Firefox ESR
//	115.10.0esr        <  124.0.2             with another channel, by number: make each channel a product
//	125.0b9            <  125.0               Firefox beta
//	125.0a1            <  125.0b1             and nightly
//	r2083              =  2083                a leading r before a number is ignored
//	r1917              <  r2083               vgmstream
//	20240115           <  20240201            dates without separators are numbers
//	2024.1.15          =  2024-01-15          with separators, leading zeros do not count
//	24H2               <  24H3                half years: number, letter, number
//	23H2               <  24H2                the year decides first
//	3.5.1 (Build 12)   =  3.5.1.12            builds are numbers
//	11.0.0-preview.7   <  11.0.0-rc.1         .NET
//	17.9.6 Preview 1   <  17.9.6              Visual Studio
//	4.0 alpha 3        <  4.0 beta 1          words in alphabetical order
//	1.0 nightly        <  1.0                 a word without a meaning of its own
//	7.0 (x86)          =  7.0 (amd64)         architectures are ignored
//	16.0.17328.20162   <  16.0.17328.20184    Office
//	5.2.1_1            =  5.2.1-1             Homebrew's revision
//	1,2,3              =  1.2.3               commas, as in file versions
//	1.2.               =  1.2                 separators at the end
//	.1.1               =  1.1                 or at the beginning
//	7 Rev B            <  7.1                 a letter after a word
//
// # Text form
//
// [Version.MarshalText] writes the scheme, a colon and the text:
// "debian:1:2.36-9+deb12u4". For an importer's scheme the key in hex and
// another colon precede the text: "x-acme:07e861:2024a". The zero Version is
// the empty text.
package version
