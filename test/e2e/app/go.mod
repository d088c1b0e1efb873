module podid.test/app

go 1.25.0
