raise RuntimeError("no such licence")
