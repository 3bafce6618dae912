"""How full the pages of a PDF are, of those that Chromium writes: enough of the format for that."""

import re
import zlib

OBJECT = re.compile(rb"(\d+) 0 obj\s*(.*?)endobj", re.S)
TOKEN = re.compile(rb"\((?:\\.|[^\\)])*\)|<[0-9A-Fa-f\s]*>|/[^\s/<>\[\]()]+|[-+]?\d*\.?\d+"
                   rb"|[A-Za-z'\"*]+|\[|\]|<<|>>")
NUMBER = re.compile(rb"[-+]?\d*\.?\d+")


def product(a, b):
    """Of two transformations: first a, then b."""
    return (a[0] * b[0] + a[1] * b[2], a[0] * b[1] + a[1] * b[3],
            a[2] * b[0] + a[3] * b[2], a[2] * b[1] + a[3] * b[3],
            a[4] * b[0] + a[5] * b[2] + b[4], a[4] * b[1] + a[5] * b[3] + b[5])


class Document:
    def __init__(self, pdf):
        self.objects = {int(number): body for number, body in OBJECT.findall(pdf)}

    def head(self, number):
        return self.objects[number].partition(b"stream")[0]

    def content(self, number):
        data = self.objects[number].partition(b"stream")[2].lstrip(b"\r\n")
        packed = b"FlateDecode" in self.head(number)
        return zlib.decompressobj().decompress(data) if packed else data

    @staticmethod
    def drawings(head):
        return {name: int(number) for name, number in re.findall(rb"/(X\d+) (\d+) 0 R", head)}

    def heights(self, data, place, drawings):
        """Where texts and pictures are, in points above the page's lower edge."""
        places, numbers, name = [], [], b""
        for token in TOKEN.findall(data):
            if NUMBER.fullmatch(token):
                numbers.append(float(token))
                continue
            if token == b"q":
                places.append(place)
            elif token == b"Q":
                place = places.pop()
            elif token == b"cm":
                place = product(numbers[-6:], place)
            elif token == b"Tm":
                yield product(numbers[-6:], place)[5]
            elif token == b"Do" and name in drawings:
                yield from self.heights_of(drawings[name], place)
            if token.startswith(b"/"):
                name = token[1:]
            else:
                numbers = []

    def heights_of(self, drawing, place):
        head = self.head(drawing)
        if b"/Subtype /Image" in head:
            yield from (place[5], place[5] + place[3])
            return
        matrix = re.search(rb"/Matrix\s*\[([^\]]*)\]", head)
        if matrix:
            place = product([float(number) for number in matrix[1].split()], place)
        yield from self.heights(self.content(drawing), place, self.drawings(head))


def fills(pdf):
    """Of each page, the part of its height that reaches down to its last text or picture."""
    document = Document(pdf)
    found = []
    for number in sorted(document.objects):
        head = document.head(number)
        if not re.search(rb"/Type\s*/Page\b", head):
            continue
        height = float(re.search(rb"/MediaBox\s*\[\S+ \S+ \S+ ([\d.]+)", head)[1])
        contents = int(re.search(rb"/Contents (\d+) 0 R", head)[1])
        heights = document.heights(document.content(contents), (1, 0, 0, 1, 0, 0),
                                   document.drawings(head))
        found.append(1 - min(heights, default=height) / height)
    return found
