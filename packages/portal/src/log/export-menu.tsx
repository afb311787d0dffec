import { Download } from 'lucide-react'
import { useState } from 'react'
import { call, ofAccount, type Query, withQuery } from '#src/api/client.ts'
import { Menu, MenuItem } from '#src/parts/menu.tsx'
import { MenuButton } from '#src/parts/menu-button.tsx'
import { ErrorNotice } from '#src/parts/notice.tsx'
import { saveFile } from '#src/parts/save-file.ts'
import { say } from '#src/parts/toast.tsx'
import { deliveryText } from '#src/text-deliveries.ts'

const words = deliveryText.log

/** Saves what the filter finds, all of it, as the service streams it. */
export function ExportMenu({ account, query }: { account: string; query: Query }) {
  const [isBusy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>(null)
  async function save(format: 'csv' | 'ndjson') {
    setBusy(true)
    setError(null)
    try {
      const response = await call(account, withQuery(ofAccount(account, 'delivery', 'export'), { ...query, format }))
      saveFile(`deliveries.${format}`, '', await response.blob())
      say(words.exported)
    } catch (caught) {
      setError(caught)
    } finally {
      setBusy(false)
    }
  }
  return (
    <>
      <Menu
        name={words.export}
        trigger={<MenuButton icon={Download}>{isBusy ? words.exporting : words.export}</MenuButton>}
      >
        <MenuItem id="csv" onAction={() => void save('csv')}>
          {words.exportCsv}
        </MenuItem>
        <MenuItem id="ndjson" onAction={() => void save('ndjson')}>
          {words.exportJson}
        </MenuItem>
      </Menu>
      {error != null && <ErrorNotice error={error} />}
    </>
  )
}
