import { Download } from 'lucide-react'
import { useState } from 'react'
import { call, type Query, withQuery } from '#src/api/client.ts'
import { Button } from '#src/parts/button.tsx'
import { ErrorNotice } from '#src/parts/notice.tsx'
import { saveFile } from '#src/parts/save-file.ts'
import { producerText } from '#src/text-producers.ts'

const words = producerText.producers

/** Saves what the filter finds, all of it, as the service streams it. */
export function ExportButton({
  account,
  path,
  query,
  file,
}: {
  account: string
  path: string
  query: Query
  file: string
}) {
  const [isBusy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>(null)
  async function save() {
    setBusy(true)
    setError(null)
    try {
      const response = await call(account, withQuery(path, query))
      saveFile(file, 'text/csv', await response.blob())
    } catch (caught) {
      setError(caught)
    } finally {
      setBusy(false)
    }
  }
  return (
    <>
      <Button icon={Download} onPress={() => void save()} pending={isBusy && words.exporting}>
        {words.export}
      </Button>
      {error != null && <ErrorNotice error={error} />}
    </>
  )
}
