print("hello from a public image")
