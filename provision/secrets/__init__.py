"""The fleet's secrets: values that hide themselves, their generations, and the encrypted file that holds them."""
