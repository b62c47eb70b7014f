def main():
    print("hello from a public image")
