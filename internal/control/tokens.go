package control

import (
	"context"
	"fmt"

	"github.com/parley-chat/parley"
)

// chatToken is the answer of CreateChatToken.
type chatToken struct {
	Token                 string `json:"token"`
	TokenExpirationTime   string `json:"tokenExpirationTime"`
	SessionExpirationTime string `json:"sessionExpirationTime"`
}

func (h *Handler) createChatToken(ctx context.Context, c *call) (any, error) {
	request := c.tokenRequest()
	if err := c.body.Err(); err != nil {
		return nil, err
	}
	if err := c.own(request.Room); err != nil {
		return nil, err
	}
	if _, err := h.rooms.FindRoom(ctx, request.Room); err != nil {
		return nil, fmt.Errorf("look up room %s: %w", request.Room, err)
	}
	token := parley.NewToken(request, c.now)
	if h.tokenIDs != nil {
		token.ID = h.tokenIDs.NewTokenID()
	}
	sealed, err := h.sealer.Seal(token)
	if err != nil {
		return nil, fmt.Errorf("seal a token for %s: %w", request.Room, err)
	}
	return chatToken{
		Token:                 sealed,
		TokenExpirationTime:   formatTime(token.ExpiresAt),
		SessionExpirationTime: formatTime(token.SessionExpiresAt),
	}, nil
}

// tokenRequest reads and checks the members of CreateChatToken. What is wrong
// with them is in the Err of the body.
func (c *call) tokenRequest() parley.TokenRequest {
	request := parley.TokenRequest{
		Room:           c.requiredARN("roomIdentifier", parley.KindRoom),
		UserID:         c.body.RequiredText("userId"),
		SessionMinutes: parley.DefaultSessionMinutes,
	}
	if minutes, ok := c.body.Int("sessionDurationInMinutes"); ok {
		request.SessionMinutes = minutes
	}
	request.Attributes, _ = c.body.StringMap("attributes")
	names, _ := c.body.Strings("capabilities")
	request.Capabilities = parley.ParseCapabilities(c.body.Check(), "capabilities", names)
	request.Check(c.body.Check())
	return request
}
