package repository

const (
	// MaxRedirects is how many redirects of one request are followed.
	MaxRedirects = 10
	// maxWindow is the bytes of memory to unpack one file: xz -9 needs 64 MiB,
	// zstd --ultra -22 needs 128.
	maxWindow = 128 << 20
	// MaxRejections is how many refused records of one list are reported one by
	// one. The others are counted.
	MaxRejections = 100
)
