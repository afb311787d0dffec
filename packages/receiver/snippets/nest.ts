import { Controller, Module, Post, Req, Res } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { createReceiver, type NestRequest, type NestResponse } from '@producersync/webhooks/nest'
import { webhooks } from './webhooks.ts'

const receive = createReceiver(webhooks)

@Controller('webhooks')
class WebhooksController {
  @Post()
  take(@Req() request: NestRequest, @Res() response: NestResponse) {
    return receive(request, response)
  }
}

@Module({ controllers: [WebhooksController] })
class AppModule {}

export const app = await NestFactory.create(AppModule, { rawBody: true }) // without it Nest keeps only what it parsed
