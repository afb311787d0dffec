import './look/tokens.css'
import './look/base.css'
import { QueryClientProvider } from '@tanstack/react-query'
import { RouterProvider } from '@tanstack/react-router'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { createQueryClient } from './api/queries.ts'
import { isEmbedded } from './embed/host.ts'
import { router } from './routes.tsx'

const element = document.getElementById('root')
if (!element) throw new Error('index.html has no #root.')
if (isEmbedded) void import('./embed/embedding.ts').then(({ embed }) => embed(router, new AbortController().signal))
createRoot(element).render(
  <StrictMode>
    <QueryClientProvider client={createQueryClient()}>
      <RouterProvider router={router} />
    </QueryClientProvider>
  </StrictMode>,
)
