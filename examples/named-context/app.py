print("hello from an air-gapped network")
