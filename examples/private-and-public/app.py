print("hello from a private base image")
