module github.com/lullhq/lull

go 1.26.8
