package main

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"os"
	"strconv"
	"strings"
)

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		fields := strings.Split(lines.Text(), "\t")
		for i, field := range fields {
			if field == "-" {
				fields[i] = ""
			}
		}
		now, _ := strconv.ParseInt(fields[4], 10, 64)
		body, _ := base64.StdEncoding.DecodeString(fields[5])
		if IsGenuine(body, fields[0], fields[1], fields[2], strings.Split(fields[3], " "), now) {
			fmt.Println("ok")
		} else {
			fmt.Println("refused")
		}
	}
}
