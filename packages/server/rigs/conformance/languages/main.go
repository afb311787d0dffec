// What a customer's back end does, through the official Go SDK.
package main

import (
	"context"
	"log"
	"net/url"
	"os"
	"time"

	svix "github.com/svix/svix-webhooks/go"
	"github.com/svix/svix-webhooks/go/models"
)

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

func main() {
	ctx := context.Background()
	server := must(url.Parse(os.Getenv("SERVER_URL")))
	client := must(svix.New(os.Getenv("TOKEN"), &svix.SvixOptions{ServerUrl: server}))
	uid := "go"
	app := must(client.Application.Create(ctx, models.ApplicationIn{Name: "Go", Uid: &uid}, nil))
	if must(client.Application.Get(ctx, uid)).Id != app.Id {
		log.Fatal("another application")
	}
	name := "main"
	endpoint := must(client.Endpoint.Create(ctx, uid, models.EndpointIn{Url: os.Getenv("RECEIVER_URL"), Uid: &name}, nil))
	secret := must(client.Endpoint.GetSecret(ctx, uid, name))
	must(svix.NewWebhook(secret.Key))
	message := must(client.Message.Create(ctx, uid, models.MessageIn{EventType: "go.sent", Payload: map[string]any{"n": 1}}, nil))
	for look := 0; look < 200; look++ {
		attempts := must(client.MessageAttempt.ListByMsg(ctx, uid, message.Id, nil))
		if len(attempts.Data) > 0 {
			if attempts.Data[0].EndpointId != endpoint.Id {
				log.Fatal("another endpoint")
			}
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	must(client.MessageAttempt.Resend(ctx, uid, message.Id, name, nil))
	if err := client.Application.Delete(ctx, uid); err != nil {
		log.Fatal(err)
	}
}
