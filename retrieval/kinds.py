"""What kind of file something is: by its name, corrected by its bytes where the name says nothing.

Kinds that are their own text are kept as they are, character by character: a parser in between could only lose some of
it. The media types are those of kreuzberg, which reads most of the others.
"""

from pathlib import PurePath

MARKDOWN = "text/markdown"
EPUB = "application/epub+zip"
MAIL = "message/rfc822"
PDF = "application/pdf"
RTF = "application/rtf"
CSV = "text/csv"
TSV = "text/tab-separated-values"

_OFFICE = "application/vnd.openxmlformats-officedocument."
_OPEN = "application/vnd.oasis.opendocument."

# Extensions by media type, for what is more than its own text.
_TYPES = {
    PDF: "pdf",
    _OFFICE + "wordprocessingml.document": "docx",
    _OFFICE + "wordprocessingml.template": "dotx",
    "application/vnd.ms-word.document.macroEnabled.12": "docm",
    "application/msword": "doc dot",
    _OFFICE + "presentationml.presentation": "pptx",
    _OFFICE + "presentationml.slideshow": "ppsx",
    _OFFICE + "presentationml.template": "potx",
    "application/vnd.ms-powerpoint.presentation.macroEnabled.12": "pptm",
    "application/vnd.ms-powerpoint": "ppt",
    _OFFICE + "spreadsheetml.sheet": "xlsx",
    _OFFICE + "spreadsheetml.template": "xltx",
    "application/vnd.ms-excel.sheet.macroEnabled.12": "xlsm",
    "application/vnd.ms-excel.sheet.binary.macroEnabled.12": "xlsb",
    "application/vnd.ms-excel": "xls",
    _OPEN + "text": "odt",
    _OPEN + "spreadsheet": "ods",
    RTF: "rtf",
    EPUB: "epub",
    "application/x-fictionbook+xml": "fb2",
    "application/docbook+xml": "docbook dbk",
    "application/x-jats+xml": "jats",
    "application/xml+opml": "opml",
    "application/xml": "xml",
    "application/rss+xml": "rss",
    "application/atom+xml": "atom",
    "text/html": "html htm",
    "application/xhtml+xml": "xhtml",
    MAIL: "eml",
    "application/vnd.ms-outlook": "msg",
    "application/x-ipynb+json": "ipynb",
    "application/json": "json",
    CSV: "csv",
    TSV: "tsv",
    MARKDOWN: "md markdown mdx",
    "application/zip": "zip",
    "application/x-tar": "tar",
    "application/gzip": "gz tgz",
    "application/x-bzip2": "bz2 tbz2",
    "application/x-xz": "xz txz",
    "application/x-7z-compressed": "7z",
    "application/x-rar-compressed": "rar",
    "image/png": "png",
    "image/jpeg": "jpg jpeg",
    "image/gif": "gif",
    "image/bmp": "bmp",
    "image/tiff": "tif tiff",
    "image/webp": "webp",
    "image/heic": "heic",
    "image/svg+xml": "svg",
    "audio/mpeg": "mp3",
    "audio/wav": "wav",
    "video/mp4": "mp4",
    "video/quicktime": "mov",
}
# Text that programs read too: nothing of it is markup that a reader would not want to see.
_PLAIN = (
    "txt text log rst org tex latex typ typst adoc asciidoc djot srt vtt ics vcf bib ris nbib jsonl ndjson yaml yml "
    "toml ini cfg conf properties po diff patch py pyi js mjs ts tsx jsx java c h cc cpp hpp cs rs go rb sh bash "
    "ps1 bat sql css scss r jl m scala kt swift php pl lua vb asm dart ex exs erl hs ml clj gradle cmake vue svelte "
    "proto graphql "
)
PLAIN = "text/plain"
EXTENSIONS = {extension: kind for kind, names in _TYPES.items() for extension in names.split()}
EXTENSIONS |= dict.fromkeys(_PLAIN.split(), PLAIN)

ARCHIVES = frozenset("application/zip application/x-tar application/gzip application/x-bzip2 application/x-xz".split())
# What text may look like to the sniffer without being meant as it: a listing of XML is a text.
_WRITTEN = ("application/json", "application/xml")
_SNIFFED = 65_536


def media_type(data: bytes, path: PurePath) -> str | None:
    """The kind that the name says, or else the bytes; None where neither knows. A picture called .txt is a picture."""
    named = EXTENSIONS.get(path.suffix[1:].lower())
    if named not in (None, PLAIN):
        return named
    sniffed = _sniffed(data)
    return named if sniffed is None or sniffed.startswith("text/") or sniffed in _WRITTEN else sniffed


def is_html(kind: str) -> bool:
    """Whether the kind is HTML or XHTML."""
    return kind in ("text/html", "application/xhtml+xml")


def is_spreadsheet(kind: str) -> bool:
    """Whether the kind is made of rows and cells."""
    return any(part in kind for part in ("excel", "spreadsheet", CSV, TSV))


def is_picture(kind: str) -> bool:
    """Whether the kind is a picture that text recognition may read."""
    return kind.startswith("image/") and kind != "image/svg+xml"


def _sniffed(data: bytes) -> str | None:
    import kreuzberg

    try:
        return kreuzberg.detect_mime_type(data[:_SNIFFED])
    except (kreuzberg.KreuzbergError, RuntimeError, ValueError):
        return None
