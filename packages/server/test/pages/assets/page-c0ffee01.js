document.title = 'A page that runs'
// long enough that it is worth being sent compressed: long enough that it is worth being sent compressed
